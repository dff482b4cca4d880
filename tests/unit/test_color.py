"""Light and colour: what is a change of light is undone, what is the person's own stays."""

import cv2
import numpy as np
import pytest
from unit.embedded import located, portrait

from fusion.imaging import color, light
from fusion.imaging.chroma import match_chroma
from fusion.imaging.color import Zones, blur_inside, color_field, slow_field, to_lab
from fusion.imaging.light import match_light
from fusion.masks.face import eye_zone, face_width, lip_zone, oval_depth, rim_zone, skin_zone
from fusion.types import Float32, ImageBGR, Mask

SIDE = 256
SHAPE = (SIDE, SIDE)


def points(number: int = 0) -> Float32:
    return located(number).points * np.float32(SIDE / 1024)


def zones(number: int = 0) -> Zones:
    depth = oval_depth(points(number), SHAPE)
    skin = skin_zone(points(number), SHAPE, depth)
    eyes, lips = (zone(points(number), SHAPE) for zone in (eye_zone, lip_zone))
    return Zones(skin, eyes, lips, rim_zone(depth))


def matched(texture: ImageBGR, target: ImageBGR) -> Float32:
    return match_light(texture, target, zones(), face_width(points()))


def psnr(image: Float32, wanted: ImageBGR, where: Mask) -> float:
    error = (image - wanted)[where > 0.5].astype(np.float64)
    return float(10 * np.log10(255**2 / (error**2).mean()))


def side_light(strength: float) -> Float32:
    ramp = np.linspace(-1, 1, SIDE, dtype=np.float32) * np.float32(strength)
    return np.exp(ramp)[None, :, None]


class TestMatchLight:
    target = portrait(0, SIDE)

    def test_a_picture_matched_to_itself_stays(self) -> None:
        assert psnr(matched(self.target, self.target), self.target, zones().skin) > 45

    @pytest.mark.parametrize("strength", [-0.8, 0.8])
    @pytest.mark.parametrize("cast", [(0.8, 1.0, 1.15), (1.0, 1.0, 1.0)])
    def test_side_light_and_a_colour_cast_are_undone(
        self, strength: float, cast: tuple[float, float, float]
    ) -> None:
        linear = (self.target / 255.0) ** 2.2 * 0.5 * side_light(strength) * np.array(cast)
        relit = np.clip(linear ** (1 / 2.2) * 255, 0, 255).astype(np.uint8)
        before = psnr(relit.astype(np.float32), self.target, zones().skin)
        after = psnr(matched(relit, self.target), self.target, zones().skin)
        assert after > 32 > before + 10

    def test_a_coloured_reflection_is_no_stain_but_eyes_keep_their_colour(self) -> None:
        x, y = points()[50, :2]  # the middle of a cheek
        for patch, kept in (((round(x), round(y)), False), (None, True)):
            where = np.zeros(SHAPE, np.float32)
            if patch:
                cv2.circle(where, patch, 12, 1.0, -1)
            else:
                eyes, lightness = zones().eyes > 0.9, to_lab(self.target)[..., 0]
                where = (eyes & (lightness < np.median(lightness[eyes]))).astype(np.float32)
            lab = to_lab(self.target)
            lab[..., 2] -= 25 * where
            blue = np.rint(color.from_lab(lab)).astype(np.uint8)
            seen = to_lab(np.rint(matched(blue, self.target)).astype(np.uint8))
            plain = to_lab(np.rint(matched(self.target, self.target)).astype(np.uint8))
            carried = (plain - seen)[where > 0][:, 2].mean()
            assert (carried > 15) if kept else (carried < 13), carried

    def test_eyes_take_on_the_cast_of_the_light_but_not_the_change_of_skin(self) -> None:
        lab, eyes = to_lab(self.target), zones().eyes > 0.9
        for where, kept in ((zones().eyes < 0.1, True), (np.ones(SHAPE, np.bool_), False)):
            browner = lab.copy()
            browner[where] += np.array([-20, 2, 14], np.float32)
            brown = np.rint(color.from_lab(browner)).astype(np.uint8)
            off = to_lab(matched(brown, self.target)) - to_lab(brown)
            change = np.median(off[eyes], axis=0)[2]
            assert abs(change) < 3 if kept else change < -3.5, change

    def test_the_whites_of_an_orange_photo_lose_more_than_others_gain(self) -> None:
        lab, eyes = to_lab(self.target), zones().eyes > 0.9
        orange = lab + np.array([0, 0, 14], np.float32)
        orange, plain = (np.rint(color.from_lab(x)).astype(np.uint8) for x in (orange, lab))
        changes = [
            float(np.median((to_lab(matched(source, target)) - to_lab(source))[eyes], axis=0)[2])
            for source, target in ((orange, plain), (plain, orange))
        ]
        assert changes[0] < -7 and changes[1] < 6, changes

    def test_stubble_is_greyer_in_the_targets_hue(self) -> None:
        """Its missing yellow taken from red skin would leave purple."""
        chroma = np.full((*SHAPE, 2), (11, 13), np.float32)
        chroma[150:170, 80:176] = (9, 6)
        texture, target = (
            np.dstack([np.full(SHAPE, 60, np.float32), ab])
            for ab in (chroma, np.full((*SHAPE, 2), (28, 16), np.float32))
        )
        nowhere = np.zeros(SHAPE, np.float32)
        plain = Zones(nowhere + 1, nowhere, nowhere, nowhere)
        a, b = match_chroma(texture, target, plain, 40.0)[160, 128]
        assert np.hypot(a, b) < 0.9 * np.hypot(28, 16)
        assert abs(np.degrees(np.arctan2(b, a) - np.arctan2(16, 28))) < 8

    def test_shine_is_as_grey_as_the_targets_own_and_no_greyer(self) -> None:
        lab, where = to_lab(self.target), np.zeros(SHAPE, np.float32)
        cv2.circle(where, tuple(points()[50, :2].round().astype(int).tolist()), 12, 1.0, -1)
        lab[..., 0] += 8 * where
        lab[..., 1:] *= 1 - where[..., None]
        shiny = np.rint(color.from_lab(lab)).astype(np.uint8)
        plain, seen = (
            np.linalg.norm(to_lab(matched(shiny, target))[where > 0][:, 1:], axis=1).mean()
            for target in (self.target, shiny)
        )
        assert seen < 6 and plain > 10, (seen, plain)

    def test_a_black_and_white_source_takes_the_colour_of_the_target(self) -> None:
        grey = cv2.cvtColor(cv2.cvtColor(self.target, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        skin = zones().skin > 0.5
        out = to_lab(np.clip(matched(grey, self.target), 0, 255).astype(np.uint8))[skin]
        off = np.abs(out[:, 1:] - to_lab(self.target)[skin][:, 1:])
        assert np.quantile(off, 0.95) < 4  # just noticeable: 2 to 3

    def test_highlights_do_not_outshine_the_targets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        dark = (self.target * 0.3).astype(np.uint8)
        x, y = np.round(points()[9, :2]).astype(int)
        cv2.circle(dark, (int(x), int(y) - 12), 9, (150, 150, 150), -1)  # on the forehead
        dark = cv2.GaussianBlur(dark, (0, 0), 2)

        def brightest() -> float:
            lit = np.clip(matched(dark, self.target), 0, 255).astype(np.uint8)
            return float(to_lab(lit)[zones().skin > 0.5][:, 0].max())

        held = brightest()
        monkeypatch.setattr(light, "_KNEE", 1.0)
        assert held < brightest() - 5


class TestSlowField:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5
    surface = (0.3 + 0.5 * x - 0.4 * y + 0.8 * x * y - 0.9 * y**3).astype(np.float32)

    def test_a_cubic_comes_back_and_outliers_do_not(self) -> None:
        hidden = np.random.default_rng(1).random(SHAPE) < 0.15
        spoiled = np.where(hidden, self.surface - 1.0, self.surface).astype(np.float32)
        found = slow_field(spoiled, np.ones(SHAPE, np.float32), 200.0)
        assert np.abs(found - self.surface)[8:-8, 8:-8].mean() < 0.03
        assert np.abs(spoiled - self.surface).mean() > 0.1

    def test_what_has_no_weight_has_no_say(self) -> None:
        weight = np.zeros(SHAPE, np.float32)
        weight[40:220, 40:220] = 1
        spoiled = np.where(weight > 0, self.surface, 9.0).astype(np.float32)
        found = slow_field(spoiled, weight, 200.0)
        assert np.abs(found - self.surface)[50:210, 50:210].mean() < 0.02


def test_color_field_carries_a_change_of_light_to_any_resolution() -> None:
    large = portrait(1, 1024)
    small = cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    change = side_light(0.4)
    field = color_field(small, small * change, 3)
    gain, offset = (cv2.resize(v, (1024, 1024)) for v in (field.gain, field.offset))
    wanted = large * cv2.resize(change[..., 0], (1024, 1))[..., None]
    inside = np.s_[40:-40, 40:-40]
    off = np.abs(large * gain + offset - wanted)[inside]
    assert off.mean() < 1.0  # grey levels; doing nothing is 25 off
    assert np.abs(large - wanted)[inside].mean() > 15


def test_blur_inside_sees_only_what_is_weighted() -> None:
    values = np.full(SHAPE, 200.0, np.float32)
    values[:, :100] = 50
    weight = np.zeros(SHAPE, np.float32)
    weight[:, :100] = 1
    assert np.allclose(blur_inside(values, weight, 6.0)[:, 20:100], 50, atol=0.5)
