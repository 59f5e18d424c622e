"""Advice on a camera that is to move and to stand still at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...remarks import Advice
from ...types import VideoRequest
from .speech import unquoted

_MOVES = (
    r"(?:push|pull|pan|tilt|orbit|circle|follow|track|doll(?:y|ie)|crane|move|glide|fly|flie|swoop|rise|descend|truck|arc|zoom"
    r"|sweep|spin|whirl)(?:s|es|ing)?"
)
_HOW = r"(?:(?:slowly|gently|quickly|then|smoothly|steadily|gradually)\s+)*"
_CARRIED = r"(?:handheld|hand-held|aerial|drone|steadicam|gimbal|tracking|moving|roving|pov|fpv|first-person)"
_NO_THING = r"(?!\s+(?:the|an?|his|her|my|our|your|their|its|this|that|these|those)\b)"
"""Behind "push in": who pushes in a door is no camera."""
_MOVING = re.compile(
    rf"(?:\b(?:the|our)\s+|(?:^|[.;,:!?\n])\s{{0,2}}|\bthen\s+|\b{_CARRIED}\s+)camera\s+{_HOW}{_MOVES}\b"
    rf"|(?:^|[.;,:!?\n])\s{{0,2}}{_CARRIED}\s+camera\b"
    r"|\b(?:tracking|dolly|crane|orbit(?:ing)?|drone|fly-?through|follow|hand-?held|steadicam|gimbal|fpv|arc)\s+shot\b"
    r"|\bhand-?held\s+(?:footage|feel|look|style|movement)\b"
    r"|\b(?:drone|fpv|aerial)\s+(?:drone\s+)?(?:flight|fly-?(?:over|through|by)|footage)\b(?!\s+(?:is|was|plan|to)\b)"
    rf"|(?<!\bhe )(?<!\bthey )\bpush(?:es|ing)?[\s-]in\b{_NO_THING}"
    r"|\b(?:dolly|dollies|dollying)[\s-](?:in|out|zoom|forward|back|left|right|towards?)\b|\bpull(?:s|ing)?[\s-]back shot\b"
    r"|\bwhip[\s-]pan\b|\bvertigo (?:effect|shot|zoom)\b"
    r"|\b(?:crash|slow|quick|fast|smooth|gentle|snap)[\s-](?:zoom|pan|tilt|dolly|orbit|push[\s-]in|pull[\s-](?:back|out))\b"
    r"|\b(?:crane|tilt|boom)(?:s|ing)?[\s-](?:up|down)\s+(?:shot|to|from|over|past)\b"
    r"|\bpan(?:s|ning)?\s+(?:left|right)\b|\bcamera (?:movement|move)s?\s*:\s*(?!none|no\b|static|fixed)"
    r"|镜头(?:缓缓|缓慢|慢慢|快速|逐渐|平稳|迅速|随之|一直|再|然后)*地?"
    r"(?:推|拉|摇|横移|移动|平移|跟|环绕|上升|下降|旋转|升|降|后退|前移)"
    r"|推镜|拉镜|摇镜|移镜|跟拍|环绕拍摄|运镜|手持(?:镜头|拍摄|摄影)|希区柯克(?:式)?变焦|滑动变焦"
    r"|(?:航拍|无人机)(?:镜头)?(?:飞越|飞过|飞行|掠过|穿越|穿过|俯冲|环绕|跟随)",
    re.IGNORECASE,
)
_STILL = re.compile(
    r"\b(?:static|fixed|locked[\s-]?(?:off|down)?|stationary|motionless|unmoving)\s+(?:camera|shot)\b"
    r"|\bcamera\s+(?:is|stays|remains|holds|kept)\s+(?:completely\s+|perfectly\s+)?(?:static|fixed|still|stationary|locked|motionless)\b"
    r"|\b(?:the|no)\s+camera\s+(?:does\s*n[o']t move|doesn[’']t move|movements?|moves?)\b"
    r"|镜头(?:固定|静止|不动|保持不动)|固定(?:镜头|机位)|静止镜头|机位(?:固定|不动)|无运镜|不要运镜",
    re.IGNORECASE,
)


def check_camera(request: VideoRequest, asked: VideoRequest) -> Iterator[Advice]:
    """
    Tell where `camera_fixed` and the prompt want opposite things.

    A camera that the offer fixes by default counts like one that the caller fixed; one that it leaves free by default
    contradicts nothing.
    """
    text = unquoted(request.prompt or "")
    moving, still = _MOVING.search(text), _STILL.search(text)
    if request.camera_fixed and moving and not still:
        by = "camera_fixed is true" if asked.camera_fixed else "Here camera_fixed is true unless it is given"
        yield Advice(
            "camera_contradiction",
            f"{by}, and the text moves the camera: say camera_fixed false, or take the movement out.",
        )
    if asked.camera_fixed is False and still and not moving:
        yield Advice(
            "camera_contradiction",
            "camera_fixed is false, and the text wants a camera that stands still: say camera_fixed true.",
        )
