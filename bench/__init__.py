"""Measurements of this project; nothing here is a test."""
