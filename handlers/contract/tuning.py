"""Where trials are trained: each in a training job of its own, which a tuning job starts, or all of them in one."""


def trials_share_a_job(tuning_mode: str, trainable: str) -> bool:
    """Tell whether one training job trains all trials, by TuningMode and Trainable; only heads are small enough."""
    return tuning_mode != "jobs" and trainable == "head"
