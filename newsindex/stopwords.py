"""Function words: which words of a question say little about what is looked for. Pure.

They are searched like any other word, and a query of nothing else finds as it should; but beside other words they
count less, so that "what are the causes of ..." is ranked by the causes.

The lists are short on purpose: articles, pronouns, prepositions, conjunctions, auxiliaries and words that ask. A word
that is also a noun of some weight ("us", "it", "may", "will") is not in them where that can be helped.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from newsindex.analysis import fold
from newsindex.languages import TOLD_APART_BY_MARKS

#: What a function word counts beside other words, as a part of what it would count as a word like others.
SHARE: Final = 0.2
#: So many different ones make a query one of their language: "die" alone may be English.
_RECOGNISED: Final = 2

_WORDS: Final = {
    "ar": "في من على إلى عن مع هذا هذه ذلك تلك التي الذي الذين ما ماذا من متى أين كيف لماذا هل كم أو و ثم لا لم لن قد "
    "كان كانت يكون هو هي هم أن إن كل بعد قبل بين عند حتى أي غير منذ حول",
    "ca": "el la els les un una uns unes de del dels al als a en per amb sense sobre entre i o però que què qui quin "
    "quina quins quines com quan on és són era eren ha han va van aquest aquesta aquests aquestes això es se no "
    "més molt ja seu seva seus seves",
    "da": "en et den det de der som og eller men at af på i til fra med for om ved over under efter før er var været "
    "blev bliver har havde kan kunne skal skulle vil ville ikke jeg du han hun vi dem sig sin sit sine hvad "
    "hvem hvor hvornår hvordan hvorfor hvilken hvilket hvilke denne dette disse så også end",
    "de": "der die das den dem des ein eine einer eines einem einen und oder aber sondern denn dass daß ob wenn als "
    "wie weil in im an am auf aus bei beim mit nach von vom vor zu zum zur für durch um über unter zwischen "
    "gegen ohne bis ist sind war waren wird werden wurde wurden worden sein gewesen hat haben hatte hatten kann "
    "können konnte konnten soll sollte sollten muss müssen musste darf ich du er sie es wir ihr ihn ihm ihnen "
    "sich mich mir uns euch mein meine meinen seine seiner seinen seinem ihre ihrer ihren ihrem unser unsere "
    "dieser diese dieses diesem diesen jener jene welche welcher welches welchen welchem was wer wem wen wessen "
    "wo wann warum wieso woher wohin wodurch womit nicht kein keine keinen auch nur noch schon sehr so dann da "
    "hier dort man es",
    "el": "ο η το οι τα του της των τον την τους τις στο στη στην στον στα στους στις σε από με για προς κατά μετά "
    "πριν και ή αλλά ότι που πως να θα δεν μην είναι ήταν έχει έχουν είχε τι ποιος ποια ποιο ποιοι ποιες πόσο "
    "πόσα πόσοι πότε πού γιατί αυτός αυτή αυτό αυτά ένας μια ένα όπως",
    "en": "a an the this that these those and or but nor if then than as of at by for from in into on onto to toward "
    "towards with within without about above after against along among around before behind below beneath "
    "beside between beyond during over through under until upon via is am are was were be been being do does "
    "did doing done has have had having can could shall should would must might i me my mine myself you your "
    "yours yourself he him his himself she her hers herself its itself we our ours ourselves they them their "
    "theirs themselves it what which who whom whose when where why how there here not no any some such both "
    "each either neither other others same so too very more most less least much many few only own just also "
    "ever again further once while because since though although whether however thus therefore per",
    "es": "el la los las lo un una unos unas de del al a en con sin por para sobre entre desde hasta hacia según y e "
    "o u pero sino que qué quien quién quienes cual cuál cuales cuáles cuyo cuya cuando cuándo donde dónde como "
    "cómo cuanto cuánto cuántos cuántas porque si no ni es son era eran fue fueron ser sido está están estaba "
    "ha han había habían hay se su sus le les me te nos mi mis este esta estos estas ese esa esos esas esto eso "
    "aquel aquella más muy ya también tan",
    "fi": "ja tai mutta että jos kun kuin niin myös ei en ole on oli olivat ovat olla ollut se ne hän he minä sinä me "
    "te tämä tuo nämä nuo joka jotka jonka mikä mitä mitkä kuka ketkä missä mistä mihin milloin miksi miten "
    "kuinka millainen jossa josta johon sekä eli",
    "fr": "le la les l un une des du de d au aux à en dans par pour avec sans sous sur vers chez entre depuis pendant "
    "et ou où mais donc or ni car que qu qui quoi quel quelle quels quelles dont lequel laquelle lesquels "
    "comment quand pourquoi combien si ne n pas plus très est sont était étaient être été a ont avait avaient "
    "avoir sera seront fut furent se s ce c cet cette ces ceci cela ça il elle ils elles on nous vous je j tu "
    "me m te t lui leur leurs son sa ses mon ma mes ton ta tes notre nos votre vos y aussi",
    "hi": "का के की को में से पर और या यह वह ये वे इस उस इन उन जो जिस कि है हैं था थे थी हो होता होती होते कर करता "
    "करते करना किया गया गई गए ने तक लिए साथ एक क्या कौन किस किसने किसे कब कहाँ कैसे क्यों कितना कितने कितनी "
    "नहीं भी ही तो",
    "hu": "a az egy és vagy de hogy ha mint is nem ne van volt voltak lesz lett meg el ki be fel le ez ezek azok ezt "
    "azt aki akik ami amely amelyek mi mit mely melyik hol hová honnan mikor miért hogyan hány mennyi ő ők én "
    "te csak még már után előtt között alatt",
    "id": "yang di ke dari dan atau untuk dengan pada dalam oleh ini itu adalah ialah akan telah sudah tidak bukan "
    "saya kami kita mereka dia apa siapa kapan mana bagaimana mengapa berapa karena sebagai juga",
    "it": "il lo la i gli le l un uno una di del dello della dei degli delle d a al allo alla ai agli alle da dal "
    "dallo dalla dai dagli dalle in nel nello nella nei negli nelle con su sul sullo sulla sui sugli sulle per "
    "tra fra e ed o ma che chi cui quale quali quanto quanti quante quando dove come perché se non è sono era "
    "erano fu furono essere stato stata stati ha hanno aveva avevano si ci ne mi ti vi suo sua suoi sue loro "
    "questo questa questi queste quello quella quelli quelle più anche molto",
    "nl": "de het een en of maar dat die dit deze van in op aan bij met voor naar uit over onder door tot tussen "
    "tegen zonder om als dan toen omdat is zijn was waren wordt worden werd werden heeft hebben had hadden kan "
    "kunnen kon zal zou moet moeten ik je jij hij zij ze we wij u hem haar hun hen zich mijn wat wie welke welk "
    "waar wanneer waarom hoe niet geen ook nog er te zo",
    "no": "en et ei den det de der som og eller men at av på i til fra med for om ved over under etter før er var "
    "vært ble blir har hadde kan kunne skal skulle vil ville ikke jeg du han hun vi dem seg sin sitt sine hva "
    "hvem hvor når hvordan hvorfor hvilken hvilket hvilke denne dette disse så også enn eit eg ikkje kva kven "
    "korleis kvifor",
    "pt": "o a os as um uma uns umas de do da dos das em no na nos nas ao à aos às por pelo pela pelos pelas para com "
    "sem sobre entre desde até e ou mas que quê quem qual quais quanto quantos quantas quando onde como porque "
    "se não nem é são era eram foi foram ser sido está estão estava há tem têm tinha se seu sua seus suas lhe "
    "lhes me te nos este esta estes estas esse essa esses essas isto isso aquele aquela mais muito já também",
    "ro": "un o unui unei al ai ale a de din la în pe cu fără prin pentru despre între după spre până și sau dar că "
    "să ca dacă când unde cum ce cine care căror cărui cât câți câte este e sunt era erau fost a au avea avut "
    "fi va vor nu se își lui ei lor el ea aceasta acest această acestui acești aceste acel mai foarte",
    "ru": "и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по ее её мне было вот от меня "
    "о об из ему ли если или ни быть был была были него до вас они тут где есть надо ней для мы тебя их чем сам "
    "чтобы без чего себя под кто этот эта это эти эту этого того потому какой какая какое какие каких каким кем "
    "чему при над через между после перед про который которая которое которые которых когда почему зачем куда "
    "откуда сколько",
    "sv": "en ett den det de där som och eller men att av på i till från med för om vid över under efter före är var "
    "varit blev blir har hade kan kunde ska skall skulle vill ville inte jag du han hon vi dem sig sin sitt "
    "sina vad vem var när hur varför vilken vilket vilka denna detta dessa så också än",
    "tr": "bir bu şu o ve veya ya da de ile için gibi kadar göre sonra önce ki ne neden niçin nasıl hangi hangisi kim "
    "kimin kime kaç nerede nereye nereden mi mı mu mü değil daha en çok olarak olan oldu olduğu idi ise ama "
    "fakat hem her ben sen biz siz onlar bunu onun",
    "vi": "là và hoặc hay của cho với trong ngoài trên dưới tại từ đến về bởi vì nên nhưng mà thì các những một này "
    "đó kia ai gì nào đâu khi sao như thế bao nhiêu được bị đã đang sẽ không có cũng rất",
}  # fmt: skip

#: For each language, its function words, folded.
STOP_WORDS: Final = {language: frozenset(fold(word) for word in words.split()) for language, words in _WORDS.items()}

# Where marks tell words apart, they are as they are written: khi is one, khí is not.
_WRITTEN: Final = {language: frozenset(_WORDS[language].split()) for language in TOLD_APART_BY_MARKS}
_KNOWN: Final = {language: known | _WRITTEN.get(language, frozenset()) for language, known in STOP_WORDS.items()}
# In no list, since many look for what they mean in capitals.
_PRONOUNS: Final = frozenset(["it", "us"])
_ALL: Final = frozenset().union(*STOP_WORDS.values())


def _by_word() -> Mapping[str, Sequence[str]]:
    """The languages in which each word is one: to look at each list takes longer than a short query may."""
    found = defaultdict(list)
    for language, known in _KNOWN.items():
        for word in known:
            found[word].append(language)
    return dict(found)


_LANGUAGES: Final = _by_word()


def is_function_word(word: str) -> bool:
    """Whether a folded word is one in any language."""
    return word in _ALL


def is_word_too(acronym: str, language: str) -> bool:
    """Whether a folded acronym is a word that stands in many texts of ``language``, a code."""
    known = STOP_WORDS.get(language.lower().replace("_", "-").partition("-")[0], frozenset())
    return acronym in known or acronym in _PRONOUNS


def is_one_of(language: str, word: str) -> bool:
    """Whether a word, as it is written, is a function word in texts of ``language``, from ``stemming_language``."""
    written = _WRITTEN.get(language)
    if written is not None:
        return unicodedata.normalize("NFC", word).lower() in written
    return fold(word) in STOP_WORDS.get(language, frozenset())


def shares(words: Sequence[str]) -> list[float]:
    """What each of the ``words`` of one query counts: SHARE for a function word of its language, else 1.

    They are folded, or, in a query that has marks of Vietnamese, in small letters with their marks.

    The query's language is the one, or those, of which it has most function words. Where it has fewer than two of any,
    or no other word, all count fully.
    """
    stop = _function_words(set(words))
    if not stop or stop.issuperset(words):
        return [1.0] * len(words)
    return [SHARE if word in stop else 1.0 for word in words]


def _function_words(words: set[str]) -> set[str]:
    """Those of ``words`` that are function words in each of the languages that the words seem to be of."""
    found = Counter(language for word in words for language in _LANGUAGES.get(word, ()))
    most = max(found.values(), default=0)
    if most < _RECOGNISED:
        return set()
    return words.intersection(*(_KNOWN[language] for language, count in found.items() if count == most))
