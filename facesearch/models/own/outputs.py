"""Whether the outputs of a file are those of what it is added as.

In: what the file tells. Out: the output to take, or an error that says what the file looks
like and how to add it then. What a file does not state is left to the sanity check.
"""

from __future__ import annotations

from facesearch.errors import InvalidModelFile
from facesearch.models.heads import Head, head_spec
from facesearch.models.own.inspect import OnnxFacts, OutputFacts

# SCRFD without landmarks: scores and boxes alone.
_WITHOUT_POINTS = ({1: 3, 4: 3}, {1: 5, 4: 5})


def embedding_output(name: str, facts: OnnxFacts, output: str | None) -> str | None:
    """The output that holds embeddings, where several do; None where there is one output.

    Args:
        output: the one that the user names.

    Raises:
        InvalidModelFile: no output of that name, several to choose from, or none that is
            a vector for each face.
    """
    names = ", ".join(each.name for each in facts.outputs)
    if output is not None:
        chosen = next((each for each in facts.outputs if each.name == output), None)
        if chosen is None:
            raise InvalidModelFile(
                name, f"the model file of {name} has no output {output!r}; it has: {names}"
            )
        _check_vector(name, chosen)
        return output
    head = _head_of(facts)
    if head is not None:
        raise InvalidModelFile(
            name,
            f"the outputs of {name} are those of a detector ({head}): add it with "
            f"--detector {head}",
        )
    if len(facts.outputs) > 1:
        shapes = "; ".join(f"{each.name} {_words(each)}" for each in facts.outputs)
        raise InvalidModelFile(
            name,
            f"the model file of {name} has {len(facts.outputs)} outputs: say which one is the "
            f"embedding, with --output NAME ({shapes})",
        )
    _check_vector(name, facts.outputs[0])
    return None


def check_detector_outputs(name: str, facts: OnnxFacts, head: Head) -> None:
    """Check that a family's decoding can take the outputs.

    Raises:
        InvalidModelFile: it cannot; says what they look like.
    """
    shapes = [each.shape if each.shape is not None else (None,) for each in facts.outputs]
    if head_spec(head).may_take(shapes):
        return
    expected = f"{head} has {head_spec(head).describe}"
    other = _head_of(facts)
    if other is not None:
        raise InvalidModelFile(
            name, f"the outputs of {name} are those of {other}: add it with --detector {other}"
        )
    if _columns(facts) in _WITHOUT_POINTS:
        raise InvalidModelFile(
            name,
            f"{name} gives boxes without landmarks, and faces cannot be aligned without them: take "
            "the file with key points, such as scrfd_10g_bnkps.onnx",
        )
    if len(facts.outputs) == 1:
        raise InvalidModelFile(
            name,
            f"{name} has one output, {_words(facts.outputs[0])}, as embedders have it: add it "
            f"without --detector, and with --template; {expected}",
        )
    shown = ", ".join(_words(each) for each in facts.outputs)
    raise InvalidModelFile(
        name, f"{name} has {len(facts.outputs)} outputs, of shapes {shown}; {expected}"
    )


def _head_of(facts: OnnxFacts) -> Head | None:
    """The family whose outputs these are, as far as shapes are stated."""
    if any(not each.shape for each in facts.outputs):
        return None
    shapes = [each.shape for each in facts.outputs if each.shape]
    return next((head for head in Head if head_spec(head).takes(shapes)), None)


def _columns(facts: OnnxFacts) -> dict[int, int]:
    counts: dict[int, int] = {}
    for each in facts.outputs:
        last = each.shape[-1] if each.shape else None
        counts[last or 0] = counts.get(last or 0, 0) + 1
    return counts


def _check_vector(name: str, output: OutputFacts) -> None:
    """Check that an output is a vector a face: (n, d), perhaps with dimensions of 1 more."""
    shape = output.shape
    if shape is None:
        return
    long = [size for size in shape[1:] if size != 1]
    if len(shape) < 2 or len(long) > 1 or shape[1:] == (1,) * len(shape[1:]):
        raise InvalidModelFile(
            name,
            f"the output {output.name} of {name} is {_words(output)}; an embedder has a vector for "
            "each face, (batch, dimension): name another one with --output, or add a detector "
            f"with --detector {'|'.join(Head)}",
        )


def _words(output: OutputFacts) -> str:
    if output.shape is None:
        return "of no stated shape"
    return "(" + ", ".join("any" if size is None else str(size) for size in output.shape) + ")"
