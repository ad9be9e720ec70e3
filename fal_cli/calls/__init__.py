"""One call's life: from words to what is sent, submitted, followed, and taken up again."""
