import Evaluation

/// Words and sentences of the built-in tales.
enum TaleWords {
    // MARK: - Words

    private static let firstSyllables = [
        "Ar", "Bel", "Cor", "Da", "El", "Fen", "Gar", "Hal", "Il", "Jor", "Ka", "Lu", "Mar", "Ne", "Or", "Pel", "Ro",
        "Sel",
        "Ta", "Ul", "Ver", "Wen", "Ya", "Zor",
    ]
    /// Some names have a syllable more, so that most of them are new in their tale.
    private static let middleSyllables = ["", "", "", "da", "go", "li", "mu", "re", "sha", "ti", "vo", "za"]
    private static let lastSyllables = [
        "a", "an", "bert", "da", "dric", "el", "en", "eth", "in", "is", "la", "lo", "mir", "na", "nor", "o", "ra",
        "ric", "sa",
        "ton", "va", "wyn",
    ]
    private static let townEndings = [
        "bridge", "dale", "ford", "ham", "haven", "mere", "mouth", "stead", "wick", "wold",
    ]
    private static let trades = [
        "baker", "carpenter", "ferryman", "gardener", "glassblower", "mason", "miller", "potter", "schoolteacher",
        "shepherd",
        "smith", "tailor", "weaver",
    ]
    private static let objects = [
        "basket", "bell", "blanket", "book", "box", "clock", "coat", "drum", "flute", "key", "kite", "lamp", "letter",
        "map",
        "mirror", "ring", "rope", "saw", "spoon", "violin",
    ]
    private static let colours = [
        "black", "blue", "brown", "copper", "green", "grey", "red", "silver", "white", "yellow",
    ]
    private static let places = [
        "attic", "barn", "bakery", "cellar", "chapel", "garden", "harbour", "kitchen", "library", "market", "mill",
        "orchard",
        "quarry", "school", "stable", "tower", "well", "workshop",
    ]
    private static let animals = ["cat", "crow", "dog", "donkey", "fox", "goat", "goose", "hen", "horse", "rabbit"]
    private static let seasons = ["autumn", "spring", "summer", "winter"]
    private static let numbers = ["two", "three", "four", "five", "six", "seven", "nine", "twelve"]

    private static func name(_ generator: inout SeededGenerator) -> String {
        generator.element(of: firstSyllables) + generator.element(of: middleSyllables)
            + generator.element(of: lastSyllables)
    }

    /// Everything in a tale that keeps its name.
    static func cast(_ generator: inout SeededGenerator) -> [String: String] {
        var values: [String: String] = [:]
        values["hero"] = name(&generator)
        repeat { values["friend"] = name(&generator) } while values["friend"] == values["hero"]
        values["town"] = generator.element(of: firstSyllables) + generator.element(of: townEndings)
        values["heroTrade"] = generator.element(of: trades)
        values["friendTrade"] = generator.element(of: trades)
        values["object"] = generator.element(of: objects)
        repeat { values["gift"] = generator.element(of: objects) } while values["gift"] == values["object"]
        values["colour"] = generator.element(of: colours)
        values["giftColour"] = generator.element(of: colours)
        values["home"] = generator.element(of: places)
        values["animal"] = generator.element(of: animals)
        values["animalName"] = name(&generator)
        values["season"] = generator.element(of: seasons)
        values["number"] = generator.element(of: numbers)
        change(&values, &generator)
        return values
    }

    /// What is different in every paragraph.
    static func change(_ values: inout [String: String], _ generator: inout SeededGenerator) {
        values["place"] = generator.element(of: places)
        values["hours"] = generator.element(of: numbers)
    }

    // MARK: - Sentences

    static let openings: [PhraseTemplate] = [
        "In the town of {town} lived a {heroTrade} by the name of {hero}.",
        "{hero} was [the only|a good|an honest] {heroTrade} in {town}.",
        "[Many years ago|Not long ago], in a {season} that nobody in {town} has forgotten, {hero} the {heroTrade} [woke early|could not sleep].",
    ]
    static let people: [PhraseTemplate] = [
        "{hero} had a friend, {friend} the {friendTrade}, and a {animal} called {animalName}.",
        "With {hero} lived a {animal} that [answered to|went by] the name {animalName}, and next door worked {friend}, a {friendTrade}.",
        "[Nobody|No one] knew {hero} better than {friend}, the {friendTrade}, unless it was {animalName} the {animal}.",
    ]
    static let belongings: [PhraseTemplate] = [
        "The {colour} {object} of {hero} [hung|lay|was kept] in the {home}, and it was {number} generations old.",
        "{hero} owned a {colour} {object}, and {friend} a {giftColour} {gift}, and both were kept in the {home}.",
        "In the {home} [stood|lay] the {colour} {object} that {friend} had given to {hero} {number} years before.",
    ]
    static let times: [PhraseTemplate] = [
        "[One morning|On a cold day|That evening|The next day|A week later], {hero} went to the {place}.",
        "[When the bell rang|Before the sun rose|After the rain], {friend} [waited|stood] at the {place}.",
        "It took {hours} hours to [walk|ride] to the {place}[, and the road was wet|, and nobody was there|].",
        "In {town} people [said|whispered] that something had happened at the {place}.",
    ]
    static let events: [PhraseTemplate] = [
        "{hero} [looked for|asked about|dreamt of] the {colour} {object}, but it was not in the {place}.",
        "{friend} brought [bread and cheese|a pot of soup|{hours} apples] and they sat down [by the door|under a tree].",
        "{animalName} the {animal} [ran ahead|would not move|made a great noise] and [found|lost] the way.",
        "The door of the {place} was [open|locked|painted {colour}], and {friend} [knocked|called] {hours} times.",
        "{hero} [carried|hid|left] the {giftColour} {gift} in the {place}[ for safety| and told no one|].",
        "A stranger [offered|wanted to pay] {hours} coins for the {object}, but {hero} [shook a head|laughed|said no].",
        "The wind [blew|came] from the [north|sea], and the roof of the {place} [creaked|shook|held].",
        "[Slowly|Without a word|With great care], {friend} [mended|cleaned|turned] the {giftColour} {gift}.",
        "They [counted|waited] {hours} [days|hours], as a {heroTrade} [must|learns to do].",
    ]
    static let talk: [PhraseTemplate] = [
        "\"Where is the {object}?\" asked {friend}. \"In the {place},\" said {hero}.",
        "\"You are a {heroTrade}, not a [king|thief],\" said {friend}, and {hero} [smiled|was silent].",
        "\"I will [wait|come back] when it is {season},\" {hero} [said|promised]. \"Bring {animalName}.\"",
        "\"[Keep|Take] the {giftColour} {gift},\" {friend} [said|answered], \"it was [always|never] mine.\"",
    ]
    static let reminders: [PhraseTemplate] = [
        "For the {object} was {colour}, and there was no other like it in {town}.",
        "{friend} was, after all, a {friendTrade}, and [patient|stubborn] as every {friendTrade} is.",
        "Still {animalName} [slept|kept watch] in the {home}, as [always|before].",
        "{hero} thought of the {home} and of the {number} [years|winters] that had passed.",
    ]
    static let endings: [PhraseTemplate] = [
        "[At last|In the end], the {colour} {object} was found in the {home}, where {animalName} had [dragged|hidden] it.",
        "So {hero} gave the {colour} {object} to {friend}, and the {giftColour} {gift} stayed in the {home}.",
        "When {season} came again, {hero} and {friend} [hung|placed] the {object} in the {home} of {town}.",
    ]
    static let lessons: [PhraseTemplate] = [
        "A {heroTrade} [needs|has] [time|friends], and {hero} had both.",
        "And {animalName} the {animal} [slept|was content].",
        "To this day, they [tell|sing] of {hero} and {friend} in {town}.",
    ]
}
