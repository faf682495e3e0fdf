"""Fine-tuning: from labelled texts and a base model to a version that the server loads and the gate judges."""
