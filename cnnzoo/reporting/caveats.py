"""Warnings for models that classify faces."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caveat:
    """A heading and a paragraph."""

    title: str
    text: str


# Sources: Buolamwini and Gebru, "Gender Shades", 2018. Barrett et al., "Emotional
# expressions reconsidered", 2019. Goodfellow et al., "Challenges in representation learning", 2013.
# Keyes, "The misgendering machines", 2018. Regulation (EU) 2024/1689, article 5(1)(f).
_FACES = Caveat(
    "Faces",
    "Faces are personal data, and in many places specially protected. Data sets of faces rarely "
    "cover all ages, skin tones and circumstances equally, and error rates differ by group: "
    "in commercial gender classifiers, Buolamwini and Gebru (2018) found up to 34.7 % errors "
    "for darker-skinned women and at most 0.8 % for lighter-skinned men. The metrics of this "
    "card are means over everyone in the data; nothing was measured for single groups.",
)
_EMOTION = Caveat(
    "Emotion",
    "A face does not show reliably what a person feels. Barrett et al. (2019) reviewed the "
    "evidence: people do smile when they are sad and scowl when they are not angry, differently "
    "by culture, person and situation. The labels are the judgements of annotators on posed or "
    "collected images, and annotators disagree: Goodfellow et al. (2013) put human accuracy on "
    "FER2013 at about 65 %. This model predicts such a label, not what a "
    "person feels. Do not use it for decisions about people; the European Union's AI Act forbids "
    "inferring emotions at work and in education, except for medical or safety reasons.",
)
_GENDER = Caveat(
    "Gender",
    "Appearance does not determine anyone's gender. The model separates two classes of "
    "images by their labels; it misgenders people, most often those who look unlike the data, and "
    "has no answer for people who are neither (Keyes, 2018). Do not use it for decisions about "
    "people or to sort people without their consent.",
)
_EMOTION_CLASSES = (
    "happy|happiness|sad|sadness|angry|anger|fear|fearful|disgust|surprised?|neutral|smile"
)

# Words that suggest a subject, how many of them are needed, and the warning. One unambiguous word
# is enough; of the others the classes must have two.
_SUBJECTS = (
    (r"emotions?|fer2013|feelings?|expressions?|moods?", 1, _EMOTION),
    (
        r"happy|happiness|sad|sadness|angry|anger|fear|fearful|disgust|surprised?|neutral|smile",
        2,
        _EMOTION,
    ),
    (r"genders?|sex", 1, _GENDER),
    (r"male|female|man|woman|men|women|boys?|girls?", 2, _GENDER),
)
_FACE_WORDS = r"faces?|facial|portraits?"


def caveats(texts: Iterable[str], class_names: Iterable[str]) -> list[Caveat]:
    """Return the warnings that names, descriptions and classes suggest, if any."""
    words = _words(texts) | (classes := _words(class_names))
    found = []
    for pattern, least, caveat in _SUBJECTS:
        among = words if least == 1 else classes
        if (
            caveat not in found
            and sum(bool(re.fullmatch(pattern, word)) for word in among) >= least
        ):
            found.append(caveat)
    if found or any(re.fullmatch(_FACE_WORDS, word) for word in words):
        found.insert(0, _FACES)
    return found


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.split(r"[^a-z0-9]+", text.lower())}
