"""What recipes come from: how each is told in an article, and the papers it cites.

In: a run's configuration. Out: LaTeX, and the entries of its bibliography. Numbers are those of
the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from facesearch.training.config import RunConfig
from facesearch.training.dataset.manifest import Manifest
from facesearch.training.recipes.mobilenet import RANDOM
from facesearch.training.report.placing import TSNE, Places

PAPERS = {
    "abadi2016": "M. Abadi \\emph{et al.}, ``TensorFlow: A system for large-scale machine "
    "learning,'' in \\emph{Proc. USENIX Symp. Operating Systems Design and Implementation}, 2016.",
    "cao2018": "Q. Cao, L. Shen, W. Xie, O. M. Parkhi, and A. Zisserman, ``VGGFace2: A dataset "
    "for recognising faces across pose and age,'' in \\emph{Proc. IEEE Int. Conf. Automatic Face "
    "and Gesture Recognition}, 2018.",
    "chollet2021": "F. Chollet, \\emph{Deep Learning with Python}, 2nd~ed. Manning, 2021.",
    "hadsell2006": "R. Hadsell, S. Chopra, and Y. LeCun, ``Dimensionality reduction by learning "
    "an invariant mapping,'' in \\emph{Proc. IEEE Conf. Computer Vision and Pattern "
    "Recognition}, 2006.",
    "he2016": "K. He, X. Zhang, S. Ren, and J. Sun, ``Deep residual learning for image "
    "recognition,'' in \\emph{Proc. IEEE Conf. Computer Vision and Pattern Recognition}, 2016.",
    "howard2017": "A. G. Howard \\emph{et al.}, ``MobileNets: Efficient convolutional neural "
    "networks for mobile vision applications,'' \\emph{arXiv:1704.04861}, 2017.",
    "huang2017": "G. Huang, Z. Liu, L. van der Maaten, and K. Q. Weinberger, ``Densely connected "
    "convolutional networks,'' in \\emph{Proc. IEEE Conf. Computer Vision and Pattern "
    "Recognition}, 2017.",
    "king2009": "D. E. King, ``Dlib-ml: A machine learning toolkit,'' \\emph{J. Machine Learning "
    "Research}, vol.~10, pp.~1755--1758, 2009.",
    "kingma2015": "D. P. Kingma and J. Ba, ``Adam: A method for stochastic optimization,'' in "
    "\\emph{Proc. Int. Conf. Learning Representations}, 2015.",
    "lecun1998": "Y. LeCun, L. Bottou, Y. Bengio, and P. Haffner, ``Gradient-based learning "
    "applied to document recognition,'' \\emph{Proc. IEEE}, vol.~86, no.~11, pp.~2278--2324, "
    "1998.",
    "liu2015": "Z. Liu, P. Luo, X. Wang, and X. Tang, ``Deep learning face attributes in the "
    "wild,'' in \\emph{Proc. IEEE Int. Conf. Computer Vision}, 2015.",
    "maaten2008": "L. van der Maaten and G. Hinton, ``Visualizing data using t-SNE,'' \\emph{J. "
    "Machine Learning Research}, vol.~9, pp.~2579--2605, 2008.",
    "schroff2015": "F. Schroff, D. Kalenichenko, and J. Philbin, ``FaceNet: A unified embedding "
    "for face recognition and clustering,'' in \\emph{Proc. IEEE Conf. Computer Vision and "
    "Pattern Recognition}, 2015.",
    "smith2017": "L. N. Smith, ``Cyclical learning rates for training neural networks,'' in "
    "\\emph{Proc. IEEE Winter Conf. Applications of Computer Vision}, 2017.",
    "srivastava2014": "N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, and "
    "R. Salakhutdinov, ``Dropout: A simple way to prevent neural networks from overfitting,'' "
    "\\emph{J. Machine Learning Research}, vol.~15, pp.~1929--1958, 2014.",
    "taigman2014": "Y. Taigman, M. Yang, M. Ranzato, and L. Wolf, ``DeepFace: Closing the gap to "
    "human-level performance in face verification,'' in \\emph{Proc. IEEE Conf. Computer Vision "
    "and Pattern Recognition}, 2014.",
    "wilson1927": "E. B. Wilson, ``Probable inference, the law of succession, and statistical "
    "inference,'' \\emph{J. American Statistical Association}, vol.~22, pp.~209--212, 1927.",
    "zhang2016": "K. Zhang, Z. Zhang, Z. Li, and Y. Qiao, ``Joint face detection and alignment "
    "using multitask cascaded convolutional networks,'' \\emph{IEEE Signal Processing Letters}, "
    "vol.~23, no.~10, pp.~1499--1503, 2016.",
}
"""Entries of bibliographies, by the keys that texts cite them with."""

_CITED = re.compile(r"\\cite\{([^}]*)\}")


def cited(source: str) -> Iterator[tuple[str, str]]:
    """The papers that a source cites, in the order in which it first does."""
    keys = (key.strip() for cite in _CITED.findall(source) for key in cite.split(","))
    for key in dict.fromkeys(keys):
        yield key, PAPERS[key]


def method(config: RunConfig) -> str:
    """The network and how it is trained, in LaTeX."""
    told = {
        "convnet": _convnet,
        "mobilenet": _mobilenet,
        "siamese-densenet": _siamese,
        "deepface": _deepface,
    }[config.recipe.name]
    return f"{told(config.network)} TensorFlow~\\cite{{abadi2016}} computes the network.\n"


def data(dataset: Manifest) -> str:
    """Where chips come from, in LaTeX; empty where there is nothing to cite."""
    kind = dataset.source.get("kind", "")
    found = {
        "celeba": "Photos are those of CelebA~\\cite{liu2015}. ",
        "vggface2": "Photos are those of VGGFace2~\\cite{cao2018}. ",
    }.get(kind, "")
    if dataset.options.get("already_aligned") is False and (
        dataset.options.get("detector") == "mtcnn"
    ):
        found += (
            "Faces and their five landmarks were found by MTCNN~\\cite{zhang2016}, and cut so "
            "that landmarks lie at the same places in each chip. "
        )
    return found


def places(found: Places) -> str:
    """How embeddings are drawn, in LaTeX."""
    if found.method == TSNE:
        return "Embeddings are drawn by t-SNE~\\cite{maaten2008}."
    return "Embeddings are drawn by their first two principal components."


def _convnet(own: Any) -> str:
    blocks = ", ".join(map(str, own.filters))
    return (
        f"The network is a small convolutional network~\\cite{{lecun1998}}. Pictures of "
        f"${own.image_size} \\times {own.image_size}$ pixels pass blocks of "
        f"${own.kernel_px} \\times {own.kernel_px}$ convolutions with {blocks} filters, rectified, "
        f"each followed by a ${own.pool_px} \\times {own.pool_px}$ maximum; then a hidden layer of "
        f"{own.hidden_units} units, which is the embedding, dropout~\\cite{{srivastava2014}} at "
        f"{_number(own.dropout)}, and a softmax over people. Kernels are regularised with an "
        f"$L_2$ factor of {_number(own.l2)}. Adam~\\cite{{kingma2015}} trains it with a learning "
        f"rate of {_number(own.learning_rate)} and batches of {own.batch_size}, for at most "
        f"{own.epochs} epochs, or until the validation loss has not fallen for "
        f"{own.stopping_patience} epochs."
    )


def _mobilenet(own: Any) -> str:
    if own.base == "mobilenet":
        base = (
            f"The base is MobileNet~\\cite{{howard2017}} with $\\alpha = {_number(own.alpha)}$, "
            f"on pictures of ${own.image_size} \\times {own.image_size}$ pixels, and on it a "
            f"hidden layer of {own.hidden_units} units with dropout~\\cite{{srivastava2014}} at "
            f"{_number(own.dropout)}"
        )
    else:
        base = (
            "The base is the face recognition network of dlib~\\cite{king2009}, a residual "
            "network~\\cite{he2016} with 29 convolutions, whose descriptors of 128 numbers are "
            f"brought to a length of {_number(own.descriptor_scale)} and pass "
            f"dropout~\\cite{{srivastava2014}} at {_number(own.descriptor_dropout)}"
        )
    end = f" Adam~\\cite{{kingma2015}} is used, with batches of {own.batch_size}."
    if own.weights == RANDOM:
        return (
            f"{base}; then comes a softmax over people. All layers start from random weights, and "
            f"are trained with a learning rate of {_number(own.top_learning_rate)}, for at most "
            f"{own.top_epochs + own.joint_epochs} epochs, or until the validation loss has not "
            f"fallen for {own.stopping_patience} epochs.{end}"
        )
    joint = (
        f"; then the last {own.unfrozen_blocks} blocks of the base are trained with them, at "
        f"{_number(own.joint_learning_rate)}, for at most {own.joint_epochs}"
        if own.unfrozen_blocks
        else ""
    )
    return (
        f"A trained network is fine-tuned~\\cite{{chollet2021}}. {base}; then comes a softmax "
        "over people. The new layers are trained while the base is frozen, with a learning rate of "
        f"{_number(own.top_learning_rate)}, for at most {own.top_epochs} epochs{joint}. Training "
        f"stops where the validation loss has not fallen for {own.stopping_patience} epochs.{end}"
    )


def _siamese(own: Any) -> str:
    units = ", ".join(map(str, own.units))
    semi_hard = (
        " Pairs of two people are semi-hard ones~\\cite{schroff2015}." if own.semi_hard else ""
    )
    return (
        f"The network is a DenseNet~\\cite{{huang2017}} with blocks of {units} units, a growth "
        f"rate of {own.growth} and a compression of {_number(own.compression)}, which gives "
        f"pictures of ${own.image_size} \\times {own.image_size}$ pixels an embedding of "
        f"{own.dimension} numbers{', of unit length' if own.unit_length else ''}. Both chips of a "
        "pair pass the same network, and their Euclidean distance $d$ enters the contrastive "
        "loss~\\cite{hadsell2006}\n"
        "\\begin{equation}\n"
        "L = \\tfrac{1}{2}(1 - y)\\, d^2 + \\tfrac{1}{2} y \\max(0, m - d)^2,\n"
        "\\end{equation}\n"
        "where $y$ is 0 for one person and 1 for two, and the margin is "
        f"$m = {_number(own.margin)}$. As many pairs of one person as of two are drawn in each "
        f"epoch.{semi_hard} Adam~\\cite{{kingma2015}} trains with cyclical learning "
        f"rates~\\cite{{smith2017}}, up to {_number(own.top_learning_rate)}, while $\\beta_1$ goes "
        f"from {_number(own.beta1_high)} down to {_number(own.beta1_low)} and back, in batches of "
        f"{own.batch_size} pairs, for {own.epochs} epochs."
    )


def _deepface(own: Any) -> str:
    return (
        "The network is that of DeepFace~\\cite{taigman2014}: a convolution, a maximum, a second "
        "convolution, three locally connected layers, whose filters differ from place to place, "
        f"and a layer of {own.scaled(own.f7_units):,} rectified units, F7, with "
        f"dropout~\\cite{{srivastava2014}} at {_number(own.dropout)}; then a softmax over people. "
        f"It sees ${own.image_size} \\times {own.image_size}$ pixels"
        f"{'' if own.width == 1 else f', and has {_number(own.width)} of the filters and units'}. "
        "The embedding is F7, each feature divided by its largest value on the training chips. "
        f"Stochastic gradient descent with a momentum of {_number(own.momentum)} starts from a "
        f"learning rate of {_number(own.learning_rate)} for batches of {own.reference_batch}, "
        f"scaled to {own.batch_size}, and lowers it where the validation loss stops falling, for "
        f"{own.epochs} epochs."
    )


def _number(value: float) -> str:
    text = f"{value:.6g}"
    mantissa, exponent, power = text.partition("e")
    if not exponent:
        return text
    return f"\\ensuremath{{{mantissa} \\cdot 10^{{{int(power)}}}}}"
