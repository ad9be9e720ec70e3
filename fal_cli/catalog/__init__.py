"""What is known of endpoints: their schemas and the list of models, asked for once and kept."""
