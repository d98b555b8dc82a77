import Corpora

extension SupportPhrases {
    static let problems: [Problem] = [
        Problem(
            name: "job crisis", topic: "your job",
            situations: [
                "I may lose my job [this month|soon] and I do not know what comes next.",
                "My [manager|boss] [keeps criticising|is unhappy with] my work.",
            ],
            details: [
                ["Something at work is [not right|going wrong].", "It has to do with the office."],
                [
                    "I think they [will let me go|want to fire me].",
                    "My [manager|boss] is [never|hardly ever] content with me.",
                ],
                [
                    "Since [the merger|the new manager], half of the team [has left|was let go].",
                    "I missed two deadlines when my child was ill.",
                ],
                [
                    "I have [written|sent] three applications and need [a plan|help] with the money.",
                    "I want to talk to my boss but need the right words.",
                ],
            ],
            advice: [
                "ask your manager for a [clear|frank] talk", "update your résumé [this weekend|with a friend]",
                "write down what you did well this year",
            ],
            facts: [
                "most people need about [three|four] months to find a new job",
                "an employer must [give|keep to] a notice period",
            ]),
        Problem(
            name: "academic pressure", topic: "your studies",
            situations: [
                "My final exams are in [two|three] weeks and I am far behind.",
                "I [failed|barely passed] two courses this term.",
            ],
            details: [
                ["University is [a lot|too much] right now.", "It is about school, sort of."],
                [
                    "I am going to fail [my exams|the statistics course].",
                    "I cannot keep up with [the reading|the lectures].",
                ],
                [
                    "I [work nights|have a night job], so I sleep through the lectures.",
                    "My parents expect the best marks and check each result.",
                ],
                [
                    "I made a timetable, but I need someone to [hold me to it|study with].",
                    "I asked for more time and wait for the answer.",
                ],
            ],
            advice: [
                "study in short blocks with breaks", "ask the lecturer for [an extension|old exams]",
                "join a study group",
            ],
            facts: [
                "sleep before an exam helps more than another hour of reading",
                "most universities let you repeat an exam once",
            ]),
        Problem(
            name: "breakup with partner", topic: "the breakup",
            situations: [
                "My partner left me [last week|after six years].",
                "We broke up and I still [live in our flat|see him every day].",
            ],
            details: [
                ["Someone is gone from my life.", "The flat is [so quiet|empty] now."],
                ["My partner [left|broke up with] me.", "We are not together any more."],
                [
                    "There was [somebody else|another woman] for months.",
                    "We fought about money until nothing else was left.",
                ],
                [
                    "I wrote a letter but did not send it, and need to let go.",
                    "I need to move out and do not know how to begin.",
                ],
            ],
            advice: [
                "put the photos away for a while", "spend [an evening|the weekend] with an old friend",
                "write a letter that you never send",
            ],
            facts: [
                "the first [six|eight] weeks after a separation are the hardest",
                "grief comes in waves that get further apart",
            ]),
        Problem(
            name: "problems with friends", topic: "your friends",
            situations: [
                "My best friend [stopped talking|does not talk] to me.", "My friends meet without me [now|these days].",
            ],
            details: [
                ["I spend my weekends alone.", "People can be [so cold|strange]."],
                ["My [best|oldest] friend ignores my messages.", "They made a group [chat|trip] without me."],
                ["I told a secret by accident, and it got around.", "It began when I could not pay for the trip."],
                [
                    "I said sorry once, and need to know if I should try again.",
                    "I want to meet her but need a [neutral place|good moment].",
                ],
            ],
            advice: [
                "invite one of them for a coffee", "send a short and honest message",
                "join a club where you meet new people",
            ],
            facts: [
                "friendships often pause and start again", "most people think of their friends less badly than we fear",
            ]),
        Problem(
            name: "sleep problems", topic: "your sleep",
            situations: [
                "I have not slept through a night in [weeks|two months].",
                "I lie awake until [three|four] and work at eight.",
            ],
            details: [
                ["I am so tired [all the time|of everything].", "The nights are long."],
                ["I cannot fall asleep before three.", "I wake up five times a night."],
                [
                    "It started with the [night shifts|noise next door].",
                    "I think about the bills as soon as the light is off.",
                ],
                [
                    "Tea and reading did not help, and I need something that does.",
                    "I stopped coffee and look for the next step.",
                ],
            ],
            advice: [
                "get up at the same hour each day", "leave the phone outside the bedroom", "see a doctor about it",
            ],
            facts: [
                "lying awake for half an hour is normal now and then", "daylight in the morning sets the inner clock",
            ]),
        Problem(
            name: "issues with parents", topic: "your parents",
            situations: [
                "My parents [decide|plan] my whole life.",
                "My father and I [shout at each other|have not spoken] since spring.",
            ],
            details: [
                ["Home is [a difficult place|complicated].", "It is a family thing."],
                ["My mother [reads my messages|controls me].", "My father [yells|is never pleased]."],
                [
                    "It got worse when I chose [art|music] over medicine.",
                    "Since the divorce each wants me on their side.",
                ],
                ["I look for a room of my own and need to tell them.", "I want to set a rule for calls, but how?"],
            ],
            advice: [
                "agree on one quiet talk a week", "tell them one clear limit", "ask an aunt to be there when you talk",
            ],
            facts: ["parents often show fear as control", "many families get along better with some distance"]),
    ]
}
