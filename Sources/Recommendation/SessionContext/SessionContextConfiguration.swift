public import Training

/// The shape of a session model. The paper's own values are not public; every default is ours and fits small logs.
public struct SessionContextConfiguration: Sendable, Codable, Equatable {
    /// The width of items and contexts; the reconstruction names 32 to 64.
    public var dimensions = 32
    public var identityDimensions = 8
    public var categoryDimensions = 8
    public var profileDimensions = 4
    public var slotDimensions = 8
    public var attentionHidden = 16
    public var bottomHidden = 64
    public var towerHidden = 32
    /// Of the heads' inputs while training.
    public var dropout = 0.2
    /// The last clicked items of earlier sessions that the model reads.
    public var historyLength = 20
    /// The longest session that the model reads; later views are cut off.
    public var maximumSlots = 50
    /// Off: the model sees no earlier item of the session.
    public var usesContext = true
    /// Off: the model does not see the slot.
    public var usesSlot = true
    /// The browse head sees the click of its own view: the user clicks before deciding to go on.
    public var browseSeesClick = true
    /// λ_b: the weight of the browse loss; 0 trains a click model.
    public var browseWeight = 1.0

    public init() {}

    public static let fields = [
        RecipeField("dimensions", "The width of items and contexts.", range: .between(2, 1024)),
        RecipeField("identityDimensions", "Of the item's own vector.", range: .between(1, 1024)),
        RecipeField("categoryDimensions", "Of the vector of its category.", range: .between(1, 1024)),
        RecipeField("profileDimensions", "Of the vector of the user's profile group.", range: .between(1, 1024)),
        RecipeField("slotDimensions", "Of the vector of the slot.", range: .between(1, 1024)),
        RecipeField("attentionHidden", "Hidden units of the attention to the history.", range: .between(1, 1024)),
        RecipeField("bottomHidden", "Units that the two heads share.", range: .between(1, 4096)),
        RecipeField("towerHidden", "Hidden units of each head.", range: .between(1, 4096)),
        RecipeField(
            "dropout", "The share of the heads' inputs that is zeroed while training.", range: .from(0, below: 1)),
        RecipeField("historyLength", "Clicked items of earlier sessions that are read.", range: .between(1, 1024)),
        RecipeField("maximumSlots", "Views of a session that are read.", range: .between(2, 4096)),
        RecipeField("usesContext", "Off: no earlier item of the session is seen."),
        RecipeField("usesSlot", "Off: the slot is not seen."),
        RecipeField("browseSeesClick", "The browse head sees the click of its own view."),
        RecipeField(
            "browseWeight", "The weight of the browse loss; 0 trains a click model.", range: .atLeast(0),
            source: "the reconstruction's λ_b = 1, to be varied from 0.1 to 2"),
    ]

    /// The same shape without context, its shared layer widened until it has as many parameters as this one.
    package func withoutContext(parameterCount count: (SessionContextConfiguration) -> Int)
        -> SessionContextConfiguration
    {
        let wanted = count(self)
        var plain = self
        plain.usesContext = false
        while count(plain) < wanted { plain.bottomHidden += 1 }
        return plain
    }
}
