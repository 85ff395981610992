"""Telling people: the inbox, the channels, the ladder, what was received."""
