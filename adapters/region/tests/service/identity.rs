//! Who may speak to a home region: the hub, and nobody else.

use proto::v1::{self, home_region_client::HomeRegionClient};
use tonic::Code;

use crate::world::*;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_the_hub_is_refused_everywhere() {
    let world = World::new(On::Sqlite).await;
    for (folder, names) in
        [("treatment", &[TREATMENT][..]), ("other-home", &["yidi://440300/home"]), ("both", &[TREATMENT, HOME])]
    {
        let mut client = HomeRegionClient::new(world.channel_as(world.credentials(folder, names)));
        let codes = [
            client.look_up(v1::LookUpRequest::default()).await.err(),
            client.estimate(v1::EstimateRequest::default()).await.err(),
            client.operate(v1::OperateRequest::default()).await.err(),
            client.resolve(v1::ResolveRequest::default()).await.err(),
            client.query(v1::QueryRequest::default()).await.err(),
            client.change_filing(v1::ChangeFilingRequest::default()).await.err(),
        ]
        .map(|status| status.map(|status| status.code()));
        // The listener takes connections from hubs only, so the refusal comes before any call is read.
        assert_eq!(codes, [Some(Code::Unavailable); 6], "{folder}");
    }
    assert_eq!(world.running().store().last_seq().await.expect("a place").0, 0, "nothing was changed");
}
