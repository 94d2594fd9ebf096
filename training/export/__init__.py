"""What a training job leaves behind: model artifact, evaluation.json and report.html."""
