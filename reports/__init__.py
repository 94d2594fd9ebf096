"""The HTML pages about a training job, a tuning job and a profile; knows nothing of AWS, torch or the other parts."""
