"""What the template and the state machine agree on with the code: variables, inputs and results, errors, names."""
