"""Many settings, one after the other, as DVC experiments: which upstream, layer, head to take."""
