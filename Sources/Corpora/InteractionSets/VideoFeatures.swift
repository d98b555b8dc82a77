import Foundation

/// The feature tables of KuaiRand-Pure: users with activity and one-hot features, videos with author, kind and tags.
public struct VideoFeatures: Sendable {
    public let users: FeatureTable
    public let videos: FeatureTable

    /// - Parameter folder: holds `user_features_pure.csv` and `video_features_basic_pure.csv`.
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public init(folder: URL) throws {
        let userTokens = [
            "user_id", "user_active_degree", "is_lowactive_period", "is_live_streamer", "is_video_author",
            "follow_user_num_range", "fans_user_num_range", "friend_user_num_range", "register_days_range",
        ]
        let userNumbers = ["follow_user_num", "fans_user_num", "friend_user_num", "register_days"]
        users = try FeatureTable.read(
            UserSequenceSet.file("user_features_pure.csv", in: folder, set: "kuairand-pure-features"),
            layout: .commaSeparated,
            fields: userTokens.map { FeatureField($0, .token, missing: .fill(0)) }
                + userNumbers.map { FeatureField($0, .float) }
                // Some one-hot features are empty for users without the property: missing, not an error.
                + (0...17).map { FeatureField("onehot_feat\($0)", .token, missing: .fill(0)) })
        let videoTokens = [
            "video_id", "author_id", "video_type", "upload_type", "visible_status", "music_id", "music_type",
        ]
        videos = try FeatureTable.read(
            UserSequenceSet.file("video_features_basic_pure.csv", in: folder, set: "kuairand-pure-features"),
            layout: .commaSeparated,
            fields: videoTokens.map { FeatureField($0, .token, missing: .fill(0)) } + [
                FeatureField("upload_dt", .time, missing: .fill(0)),
                // A picture has no duration: 0 milliseconds.
                FeatureField("video_duration", .float, missing: .fill(0)),
                FeatureField("server_width", .float, missing: .fill(0)),
                FeatureField("server_height", .float, missing: .fill(0)),
                FeatureField("tag", .tokenSequence, separator: ","),
            ])
    }
}
