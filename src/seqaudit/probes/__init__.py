"""Questions put to a trained model: model and sequences in, effects out."""
