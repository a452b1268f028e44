"""What ours is measured against. Without this file, Opacus' own `benchmarks` would be imported."""
