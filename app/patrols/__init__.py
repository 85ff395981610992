"""Routes, schedules, rounds with their stops, check-ins."""
