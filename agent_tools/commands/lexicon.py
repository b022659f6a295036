"""Words that commands are made of, and what adjectives say of a thing: colours, sizes, materials.

Nouns are not listed: whatever stands where a thing must stand is taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# -- adjectives, by what they tell: a new word takes the place of an old one of the same kind

COLOURS = _words(
    "red blue green yellow orange purple pink black white grey gray brown gold silver teal cyan "
    "magenta beige navy turquoise violet crimson scarlet maroon burgundy lilac lavender indigo "
    "olive lime mint cream ivory khaki tan ochre amber bronze copper charcoal aqua azure coral "
    "salmon peach rose mauve plum cherry ruby emerald sapphire blonde ginger multicoloured "
    "multicolored mustard fuchsia taupe chestnut rainbow colourful colorful colourless colorless "
    "sage terracotta rust denim champagne ecru mocha lemon tangerine pistachio aubergine "
    "reddish bluish greenish yellowish pinkish brownish greyish grayish whitish blackish purplish"
)
SHADES = _words(
    "dark light bright pale deep soft vivid neon pastel dull warm cold sky royal hot darker "
    "lighter brighter paler deeper mustard forest baby midnight powder bottle british racing "
    "canary matte matt metallic glossy moss electric slate dusty"
)
MATERIALS = _words(
    "wooden metal metallic glass stone brick marble concrete plastic leather paper cardboard "
    "golden steel iron ceramic clay straw woollen woolen silk cotton velvet chrome wicker bamboo "
    "tin rubber crystal"
)
MADE_OF = {"wood": "wooden", "gold": "golden", "wool": "woollen", "bricks": "brick"}
SIZES = _words(
    "big small large little tall short long huge tiny giant gigantic enormous wide narrow thick "
    "thin fat slim high low massive miniature"
)
AGES = _words("old new young ancient modern medieval antique futuristic")
LIGHTS = _words("dark light bright dim shiny matt matte glossy glowing")
QUALITIES = _words(
    "abandoned angry bald bare beautiful bent blurry broken bushy calm cheerful clean clear closed "
    "cloudy cold cosy cracked creepy crooked crowded curly cute damaged dead dense dirty dotted "
    "dramatic dry dusty elegant empty fancy flat flowering fluffy foggy fresh friendly frozen full "
    "furry fuzzy gloomy happy hard heavy hairy hollow hot icy leafy light lush messy misty mossy "
    "muddy muscular natural neat open ornate overgrown painted patterned plain pointed polished "
    "pretty quiet ragged rainy realistic rich rough round ruined rusty sad sandy scary shaggy "
    "stripey "
    "sharp simple sleepy smooth snowy soft spiky spooky spotted spotty square steep stormy "
    "straight striped stripy strong sunny tidy tired transparent tropical ugly warm wavy weak "
    "weathered wet wild windy withered worn wrinkled"
)
KINDS: tuple[tuple[str, frozenset[str]], ...] = (  # in the order in which they stand in English
    ("size", SIZES),
    ("quality", QUALITIES - LIGHTS),
    ("light", LIGHTS),
    ("age", AGES),
    ("colour", COLOURS),
    ("material", MATERIALS),
)
ADJECTIVES = frozenset().union(*(words for _, words in KINDS))
# Names that sound like adjectives: "cherry tree" is no tree of that colour, "light bulb" not dark.
FRUITS = _words(
    "sage terracotta rust denim champagne ecru mocha lemon tangerine pistachio aubergine "
    "mustard chestnut rose lime olive peach plum cherry mint rainbow coral cream light giant "
    "square antique plain"
)
NOUNS_TOO = FRUITS | _words("orange violet gold silver bronze copper ruby emerald sapphire").union(
    MATERIALS - _words("wooden golden woollen woolen metallic"), {"charcoal"}
)
IRREGULAR = {
    "worse": "bad",
    "bigger": "big",
    "fatter": "fat",
    "thinner": "thin",
    "slimmer": "slim",
    "dimmer": "dim",
    "sadder": "sad",
    "wetter": "wet",
    "hotter": "hot",
    "flatter": "flat",
    "redder": "red",
}
DEGREES = _words(
    "super teeny ultra more less very much far slightly really extremely quite rather so too fairly"
)
DROPPED_DEGREES = ("a little bit", "a bit", "a little", "a lot", "even", "way", "somewhat", "all")
VAGUE = _words(
    "nice nicer good better best different cool cooler interesting great improved perfect other "
    "another something anything special lovely bad worse right normal changed same similar weird "
    "strange awesome amazing prettier opposite"
)

# -- small words

DETERMINERS = _words("the a an my this that these those his her their its our your any every each")
PRONOUNS_ONE = _words("it this that one itself her him")
PRONOUNS_MANY = _words("them these those they both themselves")
PREPOSITIONS = _words(
    "with of in on at by near behind under below above between beside inside over around from for "
    "across against along beneath next wearing holding carrying without to into onto through"
)
# What cannot be a part of the name of a thing: the sentence means more than was understood.
NOT_IN_NAMES = _words(
    "before after being closer nearer "
    "it its not no never or but except if because when unless until while than as like and please "
    "should would could can will be is are was were am make made do does don't let everything "
    "anything nothing everyone all both some few several most many half other another same mind "
    "further farthest furthest nearest closest opposite others more less change changes original "
    "previous colours colors something someone you your me i we us they them he she who why how "
    "what which instead also too then again so just only maybe colour color rest twice else there "
    "here off none neither nor wear wears hold holds say says smile smiles sits looks look looking "
    "already really please even still yet ok okay oops hmm anymore much many cannot can't won't "
    "isn't aren't shouldn't newest latest up down away using whether everywhere anyone out "
    "closest doesn't didn't i'm i'd it's that's he's she's they're have has had got need needs "
    "want wants like likes think see know read tell wish may might must shall ought did does "
    "what's who's becomes become became turns gets goes went stays shows makes takes puts "
    "belongs belong"
)
NEVER_NOUNS = _words(
    "add remove delete erase replace recolour recolor select insert put blur brighten darken "
    "lighten desaturate convert enlarge crop duplicate leave apply greyscale grayscale "
    "saturation brightness exposure kerning opacity vibes"
)
PICTURES = _words("picture image photo photograph scene pic photos shot")
# What is said of things and pictures, and is no thing that can be found in one.
NO_THINGS = _words(
    "font typeface opacity position location removal version variation variations attempt size "
    "resolution layer undo redo fill style tones effect filter mode bokeh diff vibe vibes kerning "
    "look contrast brightness saturation exposure compare shuffle swap unselect"
)
NUMBERS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten".split(), 1)
}
FOREIGN = _words(
    "das der dem ein eine einen und bitte le les une des et avec una il gli het een zijn mach "
    "mache entferne lösche färbe rends supprime enlève trouve haz borra elimina cambia pon "
    "encuentra rimuovi trova fai maak verwijder zoek gör znajdź usuń haus maison casa"
)

PEOPLE = _words("girl boy man woman person people lady guy kid child men women children baby")
WRITING = _words("text writing words letters lettering caption inscription")
# What the setting of a whole picture can be: "at night", "in the snow".
SETTINGS = _words(
    "night nighttime day daytime dusk dawn sunset sunrise evening morning noon midday midnight "
    "moonlight twilight winter summer autumn fall spring snow rain fog mist storm thunderstorm "
    "christmas halloween underwater daylight sunshine sunlight snowfall blizzard wintertime "
    "summertime springtime afternoon desert jungle raining snowing hour"
)
DIRECTIONS = _words("left right up down away back forward forwards around here there over good")
# What clauses begin with that ask for something else; the name of a thing begins with none of them.
OTHER_VERBS = _words(
    "open close zoom go start begin run tell let get give fix improve clean play send buy order "
    "read help call check work switch look watch ask come stay think book sell sing write stop "
    "wait save rotate scan enhance install launch click press type select cut crop turn hide "
    "reveal show teach vignette focus fade spotlight feature invert unblur pixelate blend merge "
    "restore adjust retouch sharpen smooth censor cover keep leave set put take make find do be "
    "have see try use move add whiten reduce increase straighten soften tighten shorten flatten "
    "widen age shave dress swap shuffle"
)
WEATHERS = _words("snowy rainy foggy misty stormy sunny cloudy wintry autumnal wintery")

# -- verbs

FIND = (
    *"segment select find locate detect highlight mask mark isolate spot trace identify".split(),
    *("pick out", "point at", "see", "look for", "search for", "point out", "point to", "show me"),
    *("show", "grab", "pick", "choose", "click on", "point me to"),
)
REMOVE = (
    *("remove", "take off", "erase", "delete", "eliminate", "get rid of", "take away", "take out"),
    *("wipe out", "rub out", "clear away", "retouch out", "edit out", "photoshop out", "paint out"),
    *(
        "airbrush out",
        "put away",
        "nuke",
        "yeet",
        "lose",
        "ditch",
        "kill",
        "wipe",
        "cut away",
        "scrap",
        "drop",
        "zap",
    ),
    *("throw out", "clean away", "dump", "bin", "chuck out", "chuck", "toss out", "toss", "nix"),
    *("strip out", "scrub out", "scrub", "do away with", "banish", "clone out", "chop out"),
)
PAINT = ("paint", "repaint", "colour in", "colour", "recolour", "dye", "tint", "color", "recolor")
TURN = ("turn", "change", "transform", "convert")
REPLACE = ("replace", "swap out", "swap", "exchange", "substitute", "switch", "trade")
ADD = ("add", "put", "place", "insert", "stick", "pop", "throw in", "drop in", "bring in")
GENERATE = ("generate", "draw", "create", "imagine", "produce", "render")
RETOUCH = {  # what is done to pixels, and the verbs that say so
    "crop": ("crop", "trim", "zoom in on", "zoom in to", "zoom into", "zoom to"),
    "cut_out": ("cut out", "clip out"),
    "blur": ("blur out", "blur", "defocus"),
    "grey": ("grey out", "gray out", "grey", "gray", "desaturate", "decolour", "decolor"),
    "dim": ("dim",),
    "brighten": ("brighten up", "brighten", "lighten up", "lighten"),
    "darken": ("darken",),
    "saturate": ("saturate",),
    "outline": ("outline",),
}
MOVE = ("move", "shift", "nudge", "push", "slide", "drag", "bring", "pull", "relocate")
COPY = ("duplicate", "copy", "clone", "replicate")
GROW = ("scale up", "size up", "enlarge", "grow", "blow up", "magnify", "expand")
SHRINK = ("scale down", "size down", "shrink")
SCALE = (*GROW, *SHRINK, "scale", "resize")
FLIP = ("flip", "mirror")
SAVE = ("save", "export", "store", "download")
OTHERS = (
    *("make", "use", "give", "set", "undo", "redo", "revert", "go back", "repeat", "try", "list"),
    *("take", "where", "do", "don't", "dont", "never", "leave", "keep", "spare", "again", "avoid"),
    *("fill", "match", "describe", "count", "compare", "halve", "double", "increase", "decrease"),
    *("boost", "raise", "lower", "crop", "blur", "brighten", "lighten", "darken", "saturate"),
    *("cut out", "grey out", "gray out", "desaturate", "zoom in", "have"),
)
# Verbs that are nouns or colours as well: they begin something new before an object only.
NOUNS_ALSO = ("mirror", "outline", "grey", "gray", "dim", "copy", "flip", "trim", "clone")
VERBS = (
    *(*FIND, *REMOVE, *PAINT, *TURN, *REPLACE, *ADD, *GENERATE, *MOVE, *SCALE, *SAVE, *OTHERS),
    "duplicate",
)

NO_QUALITIES = DIRECTIONS.union(
    VERBS, "contrast brightness saturation exposure light vibrance colour color".split()
)
VERBS_OF = {  # as the patterns of clauses call them
    "SEEK": FIND,
    "ERASE": REMOVE,
    "PAINT": PAINT,
    "TURN": TURN,
    "EXCHANGE": REPLACE,
    "INSERT": ADD,
    "DRAW": GENERATE,
    "SHIFT": MOVE,
    "CLONE": COPY,
    "RESIZE": SCALE,
    "STORE": SAVE,
    "VERB": VERBS,
    "CROP": RETOUCH["crop"],
    "PLAIN": tuple(
        verb
        for action, verbs in RETOUCH.items()
        if action not in ("crop", "outline")
        for verb in verbs
    ),
}

# -- what holds words together

_GLUE = {" ": "\ue000", ",": "\ue001", ";": "\ue002", ".": "\ue003", "!": "\ue004", "?": "\ue005"}
_HOLD = str.maketrans(_GLUE)
_RELEASE = str.maketrans({sign: plain for plain, sign in _GLUE.items()})


def hold_together(text: str) -> str:
    """Return a text as one word, which nothing splits."""
    return text.translate(_HOLD)


def release(text: str) -> str:
    """Return a text with the spaces and commas that its quotes held together."""
    return " ".join(text.translate(_RELEASE).split())


# -- what was typed wrongly

QUESTION = re.compile(
    r"(?:how|what|which|who|whose|why|when|where|is|are|was|were|do|does|did|has|have|can|could"
    r"|tell me|explain|read)\b",
    re.IGNORECASE,
)
ONES = re.compile(r"\bones?\b")
_SHORTEST = 4  # letters of a word that may be meant by another one
_COMMON = (  # words of commands that are no names of things
    *"everything except background around picture outline colour color colours colors".split(),
    *"bigger smaller larger brighter darker contrast saturation left right bottom middle".split(),
    *"largest smallest second third many there instead undo original image photo".split(),
    *"blue green yellow orange purple pink black white brown gold silver turquoise violet".split(),
)


_NO_SLIPS = _words(
    "tilt "
    "back lack brow sliver pace steal rang lover lower thee hind groom bump bake wake rake fake "
    "burn kick lick tick chop love bind drip farm fine line pant print load post hide read warm "
    "mage"
).union(
    *(PREPOSITIONS, NOT_IN_NAMES, DETERMINERS, PRONOUNS_ONE, PRONOUNS_MANY, ADJECTIVES, SETTINGS)
)
_SINGLE = tuple(dict.fromkeys(verb for verb in (*VERBS, *NOUNS_ALSO) if " " not in verb))
_BEFORE_VERBS = _words("and then please you to just now also but pls")


def with_slips_undone(text: str) -> str:
    """Return a text with mistyped verbs, colours and places put right; names are left alone.

    "Brigthen" and "swpa" are a known word with two letters swapped, one missing or one too many.
    At the beginning, before "the" or its like, another letter may be wrong as well.
    """
    words = text.split()
    fixed = []
    for at, word in enumerate(words):
        begins = at == 0 or words[at - 1].lower() in _BEFORE_VERBS or words[at - 1].endswith(",")
        fixed.append((begins and verb_meant(words[at:])) or _meant(word) or word)
    return " ".join(fixed)


def is_mistyped(words: Sequence[str]) -> bool:
    """Return whether a word of a name may be meant as one that says which, where or what colour."""
    alone = len(words) == 1 and with_slips_undone(words[0]) != words[0]
    return alone or any(_meant(word) for word in words)


def verb_meant(words: Sequence[str]) -> str | None:
    """Return the verb that the first of several words is likely to be; None for other words."""
    if len(words) < 2:
        return None
    strict = words[1].lower() not in DETERMINERS | PRONOUNS_ONE | PRONOUNS_MANY | {"all", "out"}
    return _meant(words[0], among=_SINGLE, strict=strict)


@cache
def _meant(word: str, *, among: tuple[str, ...] = _COMMON, strict: bool = True) -> str | None:
    said = word.lower().strip(",.!?")
    known = said in _NO_SLIPS | {*among} or said.removesuffix("s") in among
    if known or len(said) < _SHORTEST - (not strict):
        return None
    near = [right for right in among if _is_slip(said, right, strict=True)]
    near = near or [right for right in among if _is_slip(said, right, strict=strict)]
    return word.lower().replace(said, near[0]) if len(near) == 1 else None


def _is_slip(word: str, right: str, *, strict: bool) -> bool:
    """Return whether a word is another one with one slip of the fingers."""
    if len(right) < _SHORTEST:
        return False
    swapped = {right[:k] + right[k + 1] + right[k] + right[k + 2 :] for k in range(len(right) - 1)}
    missing = {right[:k] + right[k + 1 :] for k in range(len(right))}
    doubled = {right[: k + 1] + right[k:] for k in range(len(right))}
    if word in swapped | missing | doubled:
        return True
    other = sum(a != b for a, b in zip(word, right, strict=False)) == 1
    more = right in {word[:k] + word[k + 1 :] for k in range(len(word))}
    return not strict and (more or (other and len(word) == len(right)))
