"""Shin, Lee, Kim & Kim 2017, "Continual Learning with Deep Generative Replay"."""
