"""Whether a job keeps its instance for the next one of its run."""

from handlers.contract.settings import Settings
from handlers.contract.tuning import trials_share_a_job


def kept_warm(settings: Settings, state: str) -> dict[str, int]:
    """Return the member of a ResourceConfig that lets the next job of a run meet the instance of this state's.

    Where heads are tuned in one job, three jobs follow each other; they match if all ask for the same instances. The
    last one takes the pool over and lets it go: a second is the least that asks for one. A pool that the account's
    quota has no room for is not kept, and no job fails for it.
    Source: SageMaker Developer Guide, "SageMaker managed warm pools", and "Request a warm pool quota increase".
    """
    is_alike = settings.tuning_instance_type == settings.training_instance_type
    in_one_job = trials_share_a_job(settings.tuning_mode, settings.trainable)
    if not (state and settings.warm_pool_seconds and in_one_job and is_alike) or settings.use_spot == "true":
        return {}
    if state == "ComputeFeatures" and settings.features_instance_count > 1:
        return {}  # the next job asks for one instance
    is_one = settings.training_instance_count == 1
    if state == "StartTrainingJob":
        return {"KeepAlivePeriodInSeconds": 1} if is_one else {}
    is_followed = is_one or state == "ComputeFeatures"
    return {"KeepAlivePeriodInSeconds": settings.warm_pool_seconds if is_followed else 1}
