"""What was found, who answers for it, until when, and who has verified that it is gone."""
