"""A clip as a worse recording would have it: in a room, in noise, over a telephone.

In the order in which it happens to sound: walls answer the speaker, noise joins at the microphone,
and the line carries both. What is done to a clip depends on a seed and its id alone, and leaves it
as long as it was, so its text still fits.
"""
