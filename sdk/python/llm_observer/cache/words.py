"""Which words make up dates and spans of time, in which languages?

Months and weekdays as they stand in a date: in the genitive, where a language has one. Case is that of ASCII
letters only, so that a name with another first letter stands here in both cases where it can be both.
"""

from collections.abc import Mapping

__all__ = [
    "CJK_UNITS",
    "COUNTED",
    "DAY_FIRST_MONTHS",
    "FULL_DAYS",
    "MONTHS",
    "UNITS",
    "WEEKDAYS",
    "YEARED_MONTHS",
    "YEAR_SIGNS",
    "ZONES",
]


def _all(words: Mapping[str, str]) -> str:
    return " ".join(words.values())


MONTHS = _all(
    {
        "en": "january february march april may june july august september october november december"
        " jan feb mar apr jun jul aug sept sep oct nov dec",
        "de": "januar jänner februar märz mai juni juli oktober dezember mär okt dez",
        "fr": "janvier février mars avril mai juin juillet août aout septembre octobre novembre décembre"
        " janv févr avr juil déc",
        "es": "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre"
        " diciembre ene abr ago dic",
    }
)
"""Before the day or behind it."""
DAY_FIRST_MONTHS = _all(
    {
        "pt": "janeiro fevereiro março junho julho setembro outubro novembro dezembro",
        "it": "gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre",
        "nl": "januari februari maart augustus",
        "sv": "augusti",
        "pl": "stycznia lutego kwietnia czerwca lipca sierpnia września października listopada grudnia",
        "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
        "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
        "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
        "tr": "ocak şubat Şubat nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",  # noqa: RUF001
    }
)
"""Behind the day only, where they are not in `MONTHS` already."""
YEARED_MONTHS = _all(
    {
        "pt": "maio fev set out",
        "it": "gen mag giu lug ott",
        "nl, sv": "mei maj mrt",
        "pl": "marca maja sty lut kwi cze lip sie wrz paź lis gru",
        "ru": "янв февр фев мар апр июн июл авг сент сен окт нояб ноя дек",
        "tr": "mart",
    }
)
"""They mean too much else to be a month without a year."""
FULL_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
"""The only ones that are found without a date behind them."""
WEEKDAYS = _all(
    {
        "en": f"{FULL_DAYS} mon tue tues wed thu thur thurs fri sat sun".lower(),
        "de": "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so",
        "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "es": "lunes martes miércoles jueves viernes sábado domingo",
        "pt": "segunda terça quarta quinta sexta feira",
        "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
        "sv": "måndag tisdag onsdag torsdag fredag lördag söndag",
        "pl": "poniedziałek wtorek środa czwartek piątek sobota niedziela",
        "cs": "pondělí úterý středa čtvrtek pátek neděle",
        "ru": "понедельник вторник среда четверг пятница суббота воскресенье",
        "uk": "понеділок вівторок середа четвер субота неділя",
    }
)
UNITS = _all(
    {
        "en": "ms millisecond milliseconds s sec secs second seconds m min mins minute minutes h hr hrs hour"
        " hours d day days w week weeks month months y yr yrs year years",
        "de": "Sekunde Sekunden Minute Minuten Stunde Stunden Tag Tage Tagen Woche Wochen Monat Monate"
        " Monaten Jahr Jahre Jahren",
        "fr": "seconde secondes heure heures jour jours semaine semaines mois an ans",
        "es": "segundo segundos minuto minutos hora horas día días semana semanas mes meses año años",
        "pt": "dia dias mês ano anos",
        "it": "secondo secondi minuti ora ore giorno giorni settimana settimane mese mesi anno anni",
        "nl": "seconden minuut minuten uur uren dag dagen weken maand maanden jaar",
        "sv": "sekunder minuter timme timmar dagar vecka veckor månad månader år",
        "pl": "sekund sekundy sekundę minut minuty minutę godzin godziny godzinę dzień dni tygodnie tygodni"
        " miesiąc miesiące miesięcy rok lata lat",
        "cs": "sekundami minutou minutami hodinou hodinami hodin dnem dny dní týdnem týdny měsícem měsíci",
        "ru": "секунд секунды секунду минут минуты минуту час часа часов день дня дней неделю недели недель"
        " месяц месяца месяцев год года лет",
        "uk": "хвилин хвилини хвилину годин години годину дні днів",
        "tr": "saniye dakika saat gün hafta yıl",  # noqa: RUF001
    }
)
CJK_UNITS = (
    "秒 秒钟 秒鐘 分 分钟 分鐘 小时 小時 个小时 個小時 時間 天 日 周 週 周間 週間 个星期 月 个月 個月"
    " か月 ヶ月 年 초 분 시간 일 주 달 개월 년"
)
"""They stand right behind the number."""
YEAR_SIGNS = "г|р"  # noqa: RUF001 -- Cyrillic: what stands behind the year in Russian and Ukrainian
ZONES = (
    "UTC GMT EST EDT CST CDT MST MDT PST PDT CET CEST BST IST JST KST MEZ MESZ WET WEST EET EEST AEST AEDT"
    " MSK BRT"
)
COUNTED = (
    "step steps turn turns call calls message messages request requests query queries token tokens"
    " attempt attempts try tries retry retries iteration iterations round rounds"
)
"""What a budget is counted in."""
