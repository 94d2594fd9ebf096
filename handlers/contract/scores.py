"""What a training job says of classes, groups and the model that served while it ran; strict, as all the gate reads."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class ClassChanges(Strict):
    """How the candidate's classes differ from the champion's; `renamed` is the champion's name -> the candidate's."""

    added: list[str] = []
    removed: list[str] = []
    renamed: dict[str, str] = {}


class WorseClass(Strict):
    """A class of which the champion alone gets more pictures right; the p-value holds for all classes together."""

    class_name: str
    num_images: Count
    candidate_right: Count
    champion_right: Count
    p_value: Share
    lost: list[str] = []


class LostPicture(Strict):
    """A picture that the champion alone gets right."""

    path: str
    class_name: str
    candidate: str


class ChampionScores(Strict):
    """Candidate and champion on the same pictures; of one with a problem nothing but its name is known."""

    name: str
    problem: str = ""
    engine: str = ""
    precision: str = ""
    otherwise: str = ""
    knows_what_it_learned: bool = False
    classes: ClassChanges = ClassChanges()
    num_images: Count = 0
    num_learned: Count = 0
    num_new_class: Count = 0
    candidate_right: Count = 0
    champion_right: Count = 0
    candidate_alone: Count = 0
    champion_alone: Count = 0
    interval: list[Share] = Field(default=[-1.0, 1.0], min_length=2, max_length=2)
    p_value: Share = 1.0
    worse_classes: list[WorseClass] = []
    lost: list[LostPicture] = []

    @property
    def difference(self) -> float:
        """Return the candidate's accuracy less the champion's, from the counts themselves."""
        return (self.candidate_alone - self.champion_alone) / self.num_images if self.num_images else 0.0


class ClassScore(Strict):
    """A class in the test split, with some of its pictures that were taken for another."""

    class_name: str
    num_images: Count
    recall: float = Field(ge=0, le=1)
    mistakes: list[str] = []


class GroupScore(Strict):
    """Test pictures that belong together by GroupBy, with some that were taken for another class."""

    group: str
    num_images: int = Field(ge=1)
    num_right: Count
    mistakes: list[str] = []


class Calibration(Strict):
    """The expected calibration error: how far the stated probabilities are from what is right."""

    ece: float = Field(ge=0, le=1)
