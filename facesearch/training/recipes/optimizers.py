"""An Adam whose learning rate and beta1 go in cycles.

In: a `CyclicalPolicy`. Out: an optimizer of Keras that follows it by its own count of steps.
Since that count is saved with the optimizer, a resumed run goes on at the same place of the
same cycle. Loads TensorFlow; import it inside functions.
"""

from __future__ import annotations

from typing import Any

from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.schedules import CyclicalPolicy

tf = started_tensorflow()
import tf_keras  # noqa: E402  (after TensorFlow has been set up)


@tf_keras.saving.register_keras_serializable(package="facesearch")
class CyclicalRate(tf_keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """`CyclicalPolicy.at` in operations of TensorFlow.

    Args:
        base, top, lowered: as in `CyclicalPolicy`, for the value in question; the top may
            lie below the base.
        half_steps: steps from one end of a cycle to its middle.
    """

    def __init__(self, base: float, top: float, lowered: float, half_steps: int) -> None:
        super().__init__()
        self._base, self._top = base, top
        self._lowered, self._half_steps = lowered, half_steps

    def __call__(self, step: Any) -> Any:
        """The value at a step, counted from 0: a scalar, float32."""
        cycle = step // (2 * self._half_steps)
        within = tf.cast(step % (2 * self._half_steps), tf.float32)
        height = 1.0 - tf.abs(within / self._half_steps - 1.0)
        base = self._base * tf.pow(1.0 - self._lowered, tf.cast(cycle, tf.float32))
        return base + (self._top - base) * height

    def get_config(self) -> dict[str, Any]:
        """What it is made of again."""
        return {
            "base": self._base,
            "top": self._top,
            "lowered": self._lowered,
            "half_steps": self._half_steps,
        }


@tf_keras.saving.register_keras_serializable(package="facesearch")
class CyclicalAdam(tf_keras.optimizers.Adam):  # type: ignore[misc]
    """Adam with a cycle for beta1 beside that for the learning rate.

    Keras takes a schedule for the learning rate only; beta1 is a number there, which a graph
    once traced keeps for good.

    Args:
        cycle: of both; its fields, or those of a saved optimizer.
        steps_per_epoch: steps of an epoch.
        beta_2, epsilon: as in Keras.
    """

    def __init__(
        self,
        cycle: CyclicalPolicy | dict[str, Any],
        steps_per_epoch: int,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "CyclicalAdam",
        **others: Any,
    ) -> None:
        policy = CyclicalPolicy(**cycle) if isinstance(cycle, dict) else cycle
        half_steps = policy.step_epochs * steps_per_epoch
        rate = CyclicalRate(policy.base, policy.top, policy.lowered, half_steps)
        super().__init__(rate, policy.beta1_high, beta_2, epsilon, name=name, **others)
        self._beta1 = CyclicalRate(policy.beta1_high, policy.beta1_low, 0.0, half_steps)
        self._policy, self._steps_per_epoch = policy, steps_per_epoch

    def update_step(self, gradient: Any, variable: Any) -> None:
        """Change one variable by its gradient, with the beta1 of the step."""
        self.beta_1 = tf.cast(self._beta1(self.iterations), variable.dtype)
        try:
            super().update_step(gradient, variable)
        finally:
            self.beta_1 = self._policy.beta1_high  # no tensor of a graph outlives it

    def get_config(self) -> dict[str, Any]:
        """What it is made of again."""
        config: dict[str, Any] = super().get_config()
        for key in ("learning_rate", "beta_1", "amsgrad", "is_legacy_optimizer"):
            config.pop(key, None)
        fields = CyclicalPolicy.__dataclass_fields__
        config["cycle"] = {field: getattr(self._policy, field) for field in fields}
        config["steps_per_epoch"] = self._steps_per_epoch
        return config
