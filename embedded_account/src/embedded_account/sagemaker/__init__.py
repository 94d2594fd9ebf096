"""SageMaker: jobs that really train, tuning over them, what they leave, and endpoints that serve it."""

from embedded_account.account import Account


def install(account: Account) -> None:
    """Serve the operations of every part; any other operation of SageMaker is refused by name."""
    from embedded_account.sagemaker.endpoints import runtime, upkeep
    from embedded_account.sagemaker.endpoints.endpoint_configs import EndpointConfigs
    from embedded_account.sagemaker.endpoints.endpoints import Endpoints
    from embedded_account.sagemaker.registry.model_cards import ModelCards
    from embedded_account.sagemaker.registry.model_packages import Registry
    from embedded_account.sagemaker.registry.models import Models
    from embedded_account.sagemaker.shared.tags import Tags
    from embedded_account.sagemaker.training.jobs import TrainingJobs
    from embedded_account.sagemaker.transform.jobs import TransformJobs
    from embedded_account.sagemaker.tuning.jobs import TuningJobs
    from embedded_account.wiring.serving import serve

    tags = account.singleton(Tags)
    training_jobs = TrainingJobs(account)
    tuning_jobs = TuningJobs(account, training_jobs)
    registry = Registry(account)
    models = Models(account, registry)
    cards = ModelCards(account)
    configs = EndpointConfigs(account, models)
    endpoints = Endpoints(account, models, configs)
    transform_jobs = TransformJobs(account, models)
    parts = (tags, training_jobs, tuning_jobs, registry, models, cards, configs, endpoints, transform_jobs)
    table = {name: operation for part in parts for name, operation in part.operations().items()}
    serve(account, "sagemaker", table)
    runtime.install(account, endpoints)
    upkeep.install(account, endpoints)
