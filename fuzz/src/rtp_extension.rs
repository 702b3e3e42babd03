//! Any octets as the data of each header extension: what is read is written so that it reads the same.

use tsubame_rtp::extension::{
    abs_capture_time, abs_send_time, audio_level, dependency_descriptor, mid, playout_delay,
    repaired_rid, rid, transport_cc, video_layers_allocation, video_orientation,
};

/// Reads, writes and reads again.
macro_rules! same {
    ($data:expr, $read:path, $encode:expr) => {
        if let Some(value) = $read($data) {
            let written = $encode(value);
            assert_eq!($read(&written[..]), Some(value), "written as {written:02x?}");
        }
    };
}

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    match which % 12 {
        0 => same!(data, mid::read, |text| mid::encode(text).to_vec()),
        1 => same!(data, rid::read, |text| rid::encode(text).to_vec()),
        2 => same!(data, repaired_rid::read, |text| repaired_rid::encode(text).to_vec()),
        3 => same!(data, abs_send_time::read, abs_send_time::encode),
        4 => same!(data, transport_cc::read, transport_cc::encode),
        5 => same!(data, audio_level::read, audio_level::encode),
        6 => same!(data, video_orientation::read, video_orientation::encode),
        7 => same!(data, playout_delay::read, playout_delay::encode),
        8 => same!(data, abs_capture_time::read, |time| {
            abs_capture_time::encode(time, &mut [0; 16]).to_vec()
        }),
        9 => same!(data, video_layers_allocation::read, |allocation| {
            let mut out = vec![0; 410];
            let len = video_layers_allocation::encode(&allocation, &mut out).expect("it was read");
            out.truncate(len);
            out
        }),
        _ => descriptor(data),
    }
}

fn descriptor(data: &[u8]) {
    let Some(descriptor) = dependency_descriptor::read(data) else { return };
    assert!(descriptor.template_id < 64);
    if let Some(structure) = &descriptor.structure() {
        assert!((1..=64).contains(&structure.templates()));
        assert!((1..=32).contains(&structure.decode_targets()));
        let layers: Vec<_> = (0..64).filter_map(|id| structure.layer(id)).collect();
        assert_eq!(layers.len(), usize::from(structure.templates()));
        assert!(layers.iter().all(|layer| layer.spatial_id <= 3 && layer.temporal_id <= 7));
    }
    let mandatory = dependency_descriptor::encode_mandatory(&descriptor);
    assert_eq!(mandatory, data[..3]);
    let again = dependency_descriptor::read(&mandatory).expect("ours");
    assert_eq!(again.frame_number, descriptor.frame_number);
    assert!(again.structure().is_none());
}
