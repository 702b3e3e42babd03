//! Any octets as the data of each header extension: what is read is written so that it reads the same.

use tsubame_rtp::extension::{
    abs_capture_time, abs_send_time, audio_level, csrc_audio_level, dependency_descriptor, mid, playout_delay,
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
        10 => {
            let Some(levels) = csrc_audio_level::read(data) else { return };
            let levels: Vec<_> = levels.collect();
            let mut out = [0; csrc_audio_level::MAX_LEVELS];
            let written = csrc_audio_level::encode(&levels, &mut out).expect("they were read");
            assert!(csrc_audio_level::read(written).expect("ours").eq(levels));
        }
        _ => descriptor(data),
    }
}

fn descriptor(data: &[u8]) {
    let Some(descriptor) = dependency_descriptor::read(data) else { return };
    assert!(descriptor.template_id < 64);
    let mandatory = dependency_descriptor::encode_mandatory(&descriptor);
    assert_eq!(mandatory, data[..3]);
    assert!(!dependency_descriptor::read(&mandatory).expect("ours").has_structure());
    let Some(structure) = descriptor.structure() else { return };
    assert!(descriptor.has_structure());
    assert!((1..=64).contains(&structure.templates()));
    assert!((1..=32).contains(&structure.decode_targets()));
    let layers: Vec<_> = (0..64).filter_map(|id| structure.layer(id)).collect();
    assert_eq!(layers.len(), usize::from(structure.templates()));
    assert!(layers.iter().all(|layer| layer.spatial_id <= 3 && layer.temporal_id <= 7));
    let _ = (0..33).filter_map(|target| structure.decode_target_layer(target)).count();
    let _ = (0..5).filter_map(|layer| structure.resolution(layer)).count();
    let Some(frame) = descriptor.frame(None) else { return };
    assert_eq!(frame.indications().count(), usize::from(structure.decode_targets()));

    // With its structure, and to somebody who has it already.
    let mut out = [0; 1_024];
    for attach in [true, false] {
        let len = dependency_descriptor::encode(&descriptor, &structure, attach, &frame, &mut out);
        let len = len.expect("its template is in the structure");
        let again = dependency_descriptor::read(&out[..len]).expect("ours");
        assert_eq!(again.has_structure(), attach);
        if attach {
            assert_eq!(again.structure().as_ref(), Some(&structure));
        }
        assert_eq!(again.frame(Some(&structure)), Some(frame), "attached: {attach}");
        assert_eq!(again.frame_number, descriptor.frame_number);
    }
}
