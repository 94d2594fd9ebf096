"""What an endpoint instance runs: model_fn, input_fn, predict_fn, output_fn."""
