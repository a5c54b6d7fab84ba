"""Simulated ovens for tests, demo and training: one physical model, served over real sockets."""
