"""Training jobs and the tuning jobs that start them: they share the machine's cores."""

import shutil

from embedded_account.account import Account
from embedded_account.sagemaker.shared.operations import register
from embedded_account.sagemaker.training.jobs import TrainingJobs
from embedded_account.sagemaker.tuning.jobs import TuningJobs


def install(account: Account) -> None:
    """Carry out the operations on jobs."""
    shutil.rmtree(account.work_folder("training-jobs"))  # what a killed account left behind
    training_jobs = TrainingJobs(account)
    account.on_stop(training_jobs.wait_for_runs)
    account.offer("training jobs", training_jobs.running)
    register(training_jobs.operations())
    register(TuningJobs(account, training_jobs).operations())
