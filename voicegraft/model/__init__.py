"""The grafted model: contracts of upstreams and heads, layers, pooling, objectives, formats."""
