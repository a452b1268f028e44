"""What a model, its embeddings and its language model tell of the speech behind them."""
