"""What a corpus of many hours will cost: rates measured on a sample, and a simulation of nodes."""
