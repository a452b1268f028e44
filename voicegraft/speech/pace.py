"""How fast audio went through, in the words that every stage uses for it."""


def pace(audio_seconds: float, seconds: float) -> str:
    """Return a line with both times, and their ratio: the real-time factor, and its inverse."""
    return (
        f"{audio_seconds / 3600:.2f} hours of audio in {seconds:.0f} s: "
        f"{audio_seconds / seconds:.1f} × real time "
        f"(real-time factor {seconds / audio_seconds:.4f})"
    )
