"""The loop that trains heads and fine-tunes upstreams: masking, schedules, unfreezing."""
