"""Fixes, proofs and their grading, reviews and answers, tracks. Evidence is graded, never refused."""
