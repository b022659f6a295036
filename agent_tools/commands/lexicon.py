"""Words that commands are made of: colours, materials, other qualities, and how verbs are said.

Nouns are not listed: whatever stands where a thing must stand is taken for one.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# -- adjectives, by what they tell: a new word takes the place of an old one of the same kind

COLOURS = _words(
    "red blue green yellow orange purple pink black white grey gray brown gold silver teal cyan "
    "magenta beige navy turquoise violet crimson scarlet maroon burgundy lilac lavender indigo "
    "olive lime mint cream ivory khaki tan ochre amber bronze copper charcoal aqua azure coral "
    "salmon peach rose mauve plum cherry ruby emerald sapphire blonde ginger multicoloured "
    "multicolored rainbow colourful colorful colourless colorless reddish bluish greenish "
    "yellowish pinkish brownish greyish grayish whitish blackish purplish"
)
SHADES = _words(
    "dark light bright pale deep soft vivid neon pastel dull warm cold sky royal hot "
    "darker lighter brighter paler deeper"
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
    "rose lime olive peach plum cherry mint rainbow coral cream light giant square antique plain"
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
DEGREES = _words("more less very much far slightly really extremely quite rather so too fairly")
DROPPED_DEGREES = ("a little bit", "a bit", "a little", "a lot", "even", "way", "somewhat", "all")
VAGUE = _words(
    "nice nicer good better best different cool cooler interesting great improved perfect other "
    "another something anything special lovely bad worse right normal changed same similar "
    "weird strange awesome amazing prettier opposite"
)

# -- small words

DETERMINERS = _words("the a an my this that these those his her their its our your any every each")
PRONOUNS_ONE = _words("it this that one itself")
PRONOUNS_MANY = _words("them these those they both themselves")
PREPOSITIONS = _words(
    "with of in on at by near behind under below above between beside inside over around from for "
    "across against along beneath next wearing holding carrying without to into onto through"
)
# What cannot be a part of the name of a thing: the sentence means more than was understood.
NOT_IN_NAMES = _words(
    "it its not no never or but except if because when unless until while than as like and "
    "please should would could can will be is are was were am make made do does don't let "
    "everything anything nothing everyone all both some few several most many half other another "
    "same something someone you your me i we us they them he she who why how what which "
    "instead also too then again so just only maybe colour color rest twice else there here off "
    "none neither nor"
)
PICTURES = _words("picture image photo photograph scene pic photos")
NUMBERS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten".split(), 1)
}
FOREIGN = _words(
    "das der dem ein eine einen und bitte le les une des et avec una il gli het een zijn "
    "mach mache entferne lösche färbe rends supprime enlève trouve haz borra elimina cambia pon "
    "encuentra rimuovi trova fai maak verwijder zoek gör znajdź usuń haus maison casa"
)

# -- verbs

FIND = (
    *"segment select find locate detect highlight mask outline mark isolate spot trace".split(),
    *("identify", "pick out", "look for", "search for", "point out", "point to", "show me", "show"),
)
REMOVE = (
    *("remove", "erase", "delete", "eliminate", "get rid of", "take away", "take out"),
    *("wipe out", "rub out", "clear away"),
)
PAINT = ("paint", "repaint", "colour", "color", "recolour", "recolor", "dye", "tint")
TURN = ("turn", "change", "transform", "convert")
REPLACE = ("replace", "swap out", "swap", "exchange", "substitute", "switch")
ADD = ("add", "put", "place", "insert")
GENERATE = ("generate", "draw", "create", "imagine", "produce", "render")
OTHERS = (
    *("make", "use", "give", "set", "undo", "revert", "go back", "repeat", "try", "list", "take"),
    *("where", "do", "don't", "never", "leave", "keep", "spare", "again", "avoid"),
)
VERBS = (*FIND, *REMOVE, *PAINT, *TURN, *REPLACE, *ADD, *GENERATE, *OTHERS)
