"""Prompts as people and assistants write them, of which nothing is to be said: model, seconds or references, text."""

from __future__ import annotations

FAST_10 = "seedance-1.0-pro-fast"
PRO_10 = "seedance-1.0-pro"
LITE_10 = "seedance-1.0-lite"
PRO_15 = "seedance-1.5-pro"
FAST_20 = "seedance-2.0-fast"
MINI_20 = "seedance-2.0-mini"
PRO_20 = "seedance-2.0"
PRO_25 = "seedance-2.5"
IMAGES, VIDEOS, AUDIOS = "reference_images", "reference_videos", "reference_audios"

NATURAL: list[tuple[str, int, str]] = [
    (PRO_10, 5, "A fisherman pulls a net over the side of a boat, slowly. Cut to his hands. The camera pushes in."),
    (PRO_10, 5, "A woman in a red coat opens the door, then looks up at the falling snow. Slow push in, cinematic light."),
    (PRO_10, 10, "Aerial shot of a coastal road at dusk; a silver car drives along it, headlights on."),
    (PRO_10, 5, 'Neon street in the rain. A sign that says "OPEN ALL NIGHT" flickers. Low angle, 35mm film.'),
    (PRO_10, 5, "街道上的霓虹灯招牌写着“营业中”，雨水顺着玻璃流下。镜头缓慢推近。"),
    (FAST_10, 5, "Medium shot 50mm lens, a barista pours milk into a cup, steam rises, warm morning light."),
    (FAST_10, 5, "一位老人坐在河边钓鱼，微风吹动水面。镜头从全景缓缓推到特写。"),
    (PRO_10, 12, "A boy runs through wheat. Cut to his grandfather on the porch. Cut to the storm. Cut to rain on tin."),
    (PRO_15, 5, 'A cook tosses noodles. He grins and says in English: "Two minutes." Sizzling oil, no music.'),
    (PRO_15, 8, "Two friends laugh on a bench. Birds, distant traffic, a soft guitar. The camera orbits them slowly."),
    (PRO_15, 5, "夜市里，年轻厨师颠锅，火焰腾起。他用粤语说：“两分钟就好！”油声滋滋。"),
    (PRO_15, 6, 'She whispers "I know." and turns off the lamp. Rain on the window, a clock ticks.'),
    (PRO_20, 5, "A cat yawns on a windowsill in soft morning light, shallow depth of field."),
    (PRO_20, 8, 'Shot 1: a woman runs two steps and slips. Shot 2: close-up. She says: "Not today." Rain.'),
    (PRO_20, 5, 'Product shot of a perfume bottle turning on black marble, the slogan "Stay close" fades in below.'),
    (PRO_20, 15, "Shot 1: dawn over a harbour. Shot 2: nets are hauled. Shot 3: gulls. Shot 4: the boat comes home."),
    (PRO_20, 5, "She turns, then smiles, then waves at the train."),
    (PRO_20, 5, "Fast-paced montage of a city: taxis, then neon, then dancers, then rooftops, then dawn."),
    (PRO_20, 4, "A time-lapse of a flower: it buds, then opens, then bends, then closes again."),
    (PRO_20, 5, "A 1970s living room, 8mm film grain; two children watch cartoons. At 9:16 pm the clock strikes."),
    (PRO_20, 5, "A runner crosses the line in 9.8 seconds as the crowd rises; slow motion, 120 fps look."),
    (PRO_20, 5, "A calm voice speaks over the scene of waves rolling in, soft piano, warm light."),
    (PRO_20, 10, "Un perro corre por la playa y salta. Una mujer dice: \"¡Ven aquí, rápido!\" Olas suaves."),
    (PRO_20, 5, "少女站在樱花树下，轻轻拨开头发，然后对镜头微笑。画面温暖，浅景深。"),
    (PRO_20, 8, "镜头1：雨夜的街道，男人撑伞走来。镜头2：他停下脚步，低声说：“我回来了。”"),
    (PRO_20, 5, "小说家在图书馆里写作，地图3张铺在桌上，问题一个接一个地浮现在脑海。"),
    (PRO_20, 5, "女の子が傘を差して歩く。「また明日」と言う。雨の音。"),
    (PRO_20, 5, "A boxer breathes out, back then a champion, since then forgotten; he laces his gloves."),
    (FAST_20, 5, "Wide shot: a train crosses a viaduct in fog. Birds scatter. Muted colours."),
    (MINI_20, 4, "A paper boat spins in a puddle; a child's hand pushes it gently."),
    (PRO_25, 8, "0-4s: a robot rolls along. 4-8s: it stops and says in English: {Hello.} <wind> No subtitles, no music."),
    (PRO_25, 10, "A small robot finds a flower in an empty city, without hesitation. (soft strings) 【THE END】"),
    (PRO_25, 12, "Shot 1: dawn, a man with no hat walks. Shot 2: he kneels. Shot 3: close-up of soil. No one speaks."),
    (PRO_25, 5, "A dancer spins without losing her balance, avoiding puddles; neon reflections. No background music."),
    (PRO_25, 5, "一个机器人在空城里滚动，停下来，镜头转向花朵。<风声>（轻柔的弦乐）无字幕。"),
    (PRO_25, 30, "0-10s: a market wakes. 10-20s: a chase between stalls. 20-30s: silence, a dropped orange rolls."),
    (PRO_25, 6, '고양이가 창가에서 하품한다. 부드러운 아침 빛.'),
    (PRO_25, 5, 'A neon sign 【OPEN】 next to the word "bar"; two taxis pass.'),
    (PRO_25, 5, "Handheld close-up, she speaks in Spanish: {Vamos.} The crowd answers with a cheer."),
    (PRO_25, 4, "A kettle boils for 2-3 s, then clicks off."),
    (PRO_20, 5, "A man with no hat walks past a shop. Rain, no sound but the wind."),
    (PRO_20, 5, "A fox, no longer afraid, steps out, no hesitation in its gait. No one is there, no subtitles."),
    (PRO_20, 5, 'A clerk says: "No people, no text. Do not leave." No, it is a joke.'),
    (PRO_15, 5, "没有人的街道，无数灯笼，无人机掠过天空，无边的夜色。"),
    (PRO_20, 5, "No two snowflakes are alike. No wind stirs the grass. Cars swerve, avoid each other, and stop."),
    (PRO_20, 5, "他知道，不能回头，只好继续往前走。"),
    (PRO_25, 5, "一只狐狸。不要字幕，不要背景音乐。"),
    (PRO_20, 5, "A 4K television glows in a shop window; 4K televisions everywhere."),
    (PRO_20, 5, "A 16:9 billboard in Times Square, at dusk."),
    (PRO_20, 5, "The teams score 4:3 in the final minute; the board stands at 4:3. 比分4:3，球迷欢呼。"),
    (PRO_20, 5, 'A shop sells "4K, 1080p" screens. 一台4K电视机。'),
    (PRO_20, 5, "A tag with {price} on it."),
]  # fmt: skip


REFERRING: list[tuple[str, dict[str, int], str]] = [
    (PRO_20, {IMAGES: 2}, "The woman in Image 1 is Subject 1; the logo from Image 2 is on her bag."),
    (PRO_20, {IMAGES: 1}, "The man in the picture raises his cup and smiles."),
    (PRO_20, {IMAGES: 1}, "参考图中的女孩转过身来。"),
    (PRO_20, {IMAGES: 3}, "Take all images as keyframes, one after the other."),
    (PRO_20, {IMAGES: 2}, "The first image is the hero, the second image is the castle."),
    (PRO_20, {IMAGES: 2}, "The first image is the fox, the second is the cat."),
    (PRO_20, {IMAGES: 3}, "The 1st image is the fox, the 2nd the cat, the last one the street."),
    (PRO_20, {IMAGES: 2}, "第一张图是狐狸，第二张是猫。"),
    (PRO_20, {IMAGES: 2}, "第1张图是狐狸，第2张图是猫。"),
    (PRO_20, {IMAGES: 1}, "The man of Image 1 and 2 dogs walk home, 5.1 surround sound."),
    (PRO_20, {VIDEOS: 1}, "Remove the car from the video, keep everything else unchanged."),
    (PRO_20, {VIDEOS: 1}, "Extend Video 1 forward: the boat sails on. Make the video 5 seconds longer."),
    (PRO_20, {IMAGES: 1, AUDIOS: 1}, 'The woman in Image 1 says with the voice of Audio 1: "Hi." Audio 5.1'),
    (PRO_20, {IMAGES: 2}, "图片1的少女走进图片2的房间。"),
    (PRO_25, {IMAGES: 2}, "@Image 1: the hero. @Image 2: the street, at night."),
    (PRO_25, {IMAGES: 1, VIDEOS: 1}, "Replace the character in @Video 1 with the one in @Image 1"),
    (PRO_25, {IMAGES: 2}, "@图片1的少女走进@图片2的房间。"),
    (LITE_10, {IMAGES: 2}, "[Image 1] in a red coat meets [Image 2]"),
    (LITE_10, {IMAGES: 2}, "[图1]的男孩拥抱[图2]的小狗"),
]  # fmt: skip
