use proptest::prelude::*;

use super::DecodeTargetIndication::{Discardable, NotPresent, Required, Switch};
use super::*;

/// start, not end, template 0, frame 1; structure of L1T2 with two decode targets and two chains, by hand from the syntax:
///
/// flags 10000; offset 000000; targets less one 00001; layers T0 00, T0 01, T1 11;
/// indications T0 (10 10), T0 (10 10), T1 (00 10); differences T0 none 0, T0 2: 1 0001 0, T1 1: 1 0000 0;
/// chains ns(3) of 2: 11, protected by ns(2) 0 1; chain differences 0000 0000, 0010 0001, 0001 0001; no resolutions 0.
const L1T2: &[u8] = &[
    0x80,
    0x00,
    0x01, // mandatory
    0b1000_0000,
    0b0000_0001,
    0b0001_1110,
    0b1010_1000,
    0b1001_0001,
    0b0100_0001,
    0b1010_0000,
    0b0000_0100,
    0b0010_0010,
    0b0010_0000,
];

fn layer(spatial_id: u8, temporal_id: u8) -> Layer {
    Layer { spatial_id, temporal_id }
}

#[test]
fn the_mandatory_fields() {
    let descriptor = read(&[0x80 | 5, 0x12, 0x34]).unwrap();
    assert!(descriptor.start_of_frame && !descriptor.end_of_frame);
    assert_eq!((descriptor.template_id, descriptor.frame_number), (5, 0x1234));
    assert!(!descriptor.has_structure() && !descriptor.begins_keyframe());
    assert_eq!(descriptor.structure(), None);
    assert_eq!(encode_mandatory(&descriptor), [0x85, 0x12, 0x34]);
    assert!(read(&[0x40, 0, 0]).unwrap().end_of_frame);
    assert_eq!(read(&[0x40, 0]), None);
}

#[test]
fn a_structure_laid_out_by_hand() {
    let descriptor = read(L1T2).unwrap();
    assert!(descriptor.begins_keyframe());
    let structure = descriptor.structure().unwrap();
    assert_eq!((structure.templates(), structure.decode_targets(), structure.chains()), (3, 2, 2));
    assert_eq!((structure.id_offset(), structure.spatial_layers()), (0, 1));
    let layers: Vec<_> = (0..4).map(|id| structure.layer(id)).collect();
    assert_eq!(layers, [Some(layer(0, 0)), Some(layer(0, 0)), Some(layer(0, 1)), None]);
    assert_eq!(structure.layer(63), None);
    assert_eq!(structure.decode_target_layer(0), Some(layer(0, 0)));
    assert_eq!(structure.decode_target_layer(1), Some(layer(0, 1)));
    assert_eq!(structure.decode_target_layer(2), None);
    let chains: Vec<_> = (0..3).map(|target| structure.protected_by(target)).collect();
    assert_eq!(chains, [Some(0), Some(1), None]);
    assert_eq!(structure.resolution(0), None);
    assert_eq!(structure.all_decode_targets(), 0b11);

    let frame = descriptor.frame(None).unwrap();
    assert_eq!(frame.layer, layer(0, 0));
    assert_eq!(frame.active_decode_targets, Some(0b11));
    assert_eq!(frame.indications().collect::<Vec<_>>(), [Switch, Switch]);
    assert_eq!((frame.frame_differences(), frame.chain_differences()), (&[][..], &[0, 0][..]));

    let next = read(&[0xc2, 0, 2]).unwrap().frame(Some(&structure)).unwrap();
    assert_eq!((next.layer, next.active_decode_targets), (layer(0, 1), None));
    assert_eq!(next.indications().collect::<Vec<_>>(), [NotPresent, Switch]);
    assert_eq!((next.frame_differences(), next.chain_differences()), (&[1][..], &[1, 1][..]));
    let third = read(&[0xc1, 0, 3]).unwrap().frame(Some(&structure)).unwrap();
    assert_eq!((third.frame_differences(), third.chain_differences()), (&[2][..], &[2, 1][..]));
}

#[test]
fn the_hand_made_structure_is_written_again() {
    let descriptor = read(L1T2).unwrap();
    let structure = descriptor.structure().unwrap();
    let templates = [
        Template {
            layer: layer(0, 0),
            indications: &[Switch, Switch],
            frame_differences: &[],
            chain_differences: &[0, 0],
        },
        Template {
            layer: layer(0, 0),
            indications: &[Switch, Switch],
            frame_differences: &[2],
            chain_differences: &[2, 1],
        },
        Template {
            layer: layer(0, 1),
            indications: &[NotPresent, Switch],
            frame_differences: &[1],
            chain_differences: &[1, 1],
        },
    ];
    let made = TemplateStructure::new(0, &templates, &[0, 1], &[]).unwrap();
    assert_eq!(made, structure);
    let frame = descriptor.frame(None).unwrap();
    let mut out = [0xff; 64];
    let len = encode(&descriptor, &structure, true, &frame, &mut out).unwrap();
    assert_eq!(out[..len], *L1T2);
    for short in 0..len {
        assert_eq!(encode(&descriptor, &structure, true, &frame, &mut out[..short]), None);
    }
}

/// What Chromium 156 sends with VP8: one layer, no chains, 320x180. And with H.264: one chain, no size.
#[test]
fn what_chromium_sends() {
    let vp8 = [0xc0, 0, 1, 0x80, 0, 0x3a, 0x40, 0x80, 0x9f, 0x80, 0x59, 0x80];
    let descriptor = read(&vp8).unwrap();
    let structure = descriptor.structure().unwrap();
    assert_eq!((structure.templates(), structure.decode_targets(), structure.chains()), (2, 1, 0));
    assert_eq!(structure.resolution(0), Some(Resolution { width: 320, height: 180 }));
    assert_eq!((structure.resolution(1), structure.protected_by(0)), (None, None));
    let frame = descriptor.frame(None).unwrap();
    assert_eq!(frame.resolution, structure.resolution(0));
    let mut out = [0; 32];
    assert_eq!(encode(&descriptor, &structure, true, &frame, &mut out), Some(vp8.len()));
    assert_eq!(out[..vp8.len()], vp8);
    let next = read(&[0xc1, 0, 2]).unwrap().frame(Some(&structure)).unwrap();
    assert_eq!((next.frame_differences(), next.indication(0)), (&[1][..], Some(Switch)));

    let h264 = [0x80, 0, 1, 0x80, 0, 0x3a, 0x41, 1, 0];
    let structure = read(&h264).unwrap().structure().unwrap();
    assert_eq!((structure.chains(), structure.protected_by(0)), (1, Some(0)));
    let next = read(&[0xc1, 0, 2]).unwrap().frame(Some(&structure)).unwrap();
    assert_eq!((next.chain_differences(), next.resolution), (&[1][..], None));
}

/// flags 01111: active targets 10, indications 01 11, differences of 4, 8 and 12 bits (3, 200, 4096), chains 255 and 7.
#[test]
fn everything_custom() {
    let structure = read(L1T2).unwrap().structure().unwrap();
    let data = [
        0xc1,
        0,
        9, // mandatory
        0b0111_1100,
        0b1110_1001,
        0b0101_1000,
        0b1111_1111,
        0b1111_1111,
        0b1001_1111,
        0b1110_0000,
        0b1110_0000,
    ];
    let frame = read(&data).unwrap().frame(Some(&structure)).unwrap();
    assert_eq!(frame.active_decode_targets, Some(0b10));
    assert_eq!(frame.indications().collect::<Vec<_>>(), [Discardable, Required]);
    assert_eq!(frame.frame_differences(), [3, 200, 4096]);
    assert_eq!(frame.chain_differences(), [255, 7]);
    assert_eq!((frame.indication(2), frame.indication(255)), (None, None));
    let descriptor = read(&data).unwrap();
    assert_eq!(descriptor.frame(None), None, "there is no structure to read it with");
    for len in 4..data.len() - 1 {
        assert_eq!(read(&data[..len]).unwrap().frame(Some(&structure)), None, "{len}");
    }
    let mut out = [0; 16];
    let len = encode(&descriptor, &structure, false, &frame, &mut out).unwrap();
    assert_eq!(read(&out[..len]).unwrap().frame(Some(&structure)), Some(frame));
    assert_eq!(out[..len], data[..len]);
}

#[test]
fn what_equals_the_template_is_not_written() {
    let structure = read(L1T2).unwrap().structure().unwrap();
    let descriptor = read(&[0xc2, 0, 2]).unwrap();
    let mut frame = descriptor.frame(Some(&structure)).unwrap();
    let mut out = [0; 16];
    assert_eq!(encode(&descriptor, &structure, false, &frame, &mut out), Some(3));
    // A forwarder that drops the upper layer says so with its next frame.
    frame.active_decode_targets = Some(0b01);
    assert_eq!(encode(&descriptor, &structure, false, &frame, &mut out), Some(4));
    assert_eq!(out[..4], [0xc2, 0, 2, 0b0100_0010]);
    assert_eq!(read(&out[..4]).unwrap().frame(Some(&structure)), Some(frame));
    let missing = read(&[0xc3, 0, 2]).unwrap();
    assert_eq!(encode(&missing, &structure, false, &frame, &mut out), None);
}

#[test]
fn a_frame_is_changed_within_its_counts() {
    let structure = read(L1T2).unwrap().structure().unwrap();
    let mut frame = FrameDependencies::of_template(&structure, 2).unwrap();
    assert!(frame.set_indication(1, Required) && !frame.set_indication(2, Required));
    assert_eq!(frame.indications().collect::<Vec<_>>(), [NotPresent, Required]);
    assert!(frame.set_frame_differences(&[1, 4096]) && frame.set_frame_differences(&[7; 16]));
    assert!(!frame.set_frame_differences(&[0]) && !frame.set_frame_differences(&[4097]));
    assert!(!frame.set_frame_differences(&[1; 17]));
    assert_eq!(frame.frame_differences(), [7; 16]);
    assert!(frame.set_chain_differences(&[9, 255]) && !frame.set_chain_differences(&[9]));
    assert!(!frame.set_chain_differences(&[0; 33]));
    assert_eq!(frame.chain_differences(), [9, 255]);
}

#[test]
fn a_frame_number_is_rewritten_in_place() {
    let mut data = L1T2.to_vec();
    assert!(set_frame_number(&mut data, 0xabcd));
    assert_eq!(read(&data).unwrap().frame_number, 0xabcd);
    assert_eq!((data[0], &data[3..]), (L1T2[0], &L1T2[3..]));
    assert!(!set_frame_number(&mut data[..2], 1));
}

#[test]
fn extended_fields_without_a_structure_are_no_keyframe() {
    let descriptor = read(&[0xc0, 0, 1, 0b0100_0000, 0xff]).unwrap();
    assert!(descriptor.start_of_frame && !descriptor.has_structure());
    assert_eq!(descriptor.structure(), None);
}

/// The frame differences of one frame are bounded, whatever it says: 17 of them are refused.
#[test]
fn more_frame_differences_than_anything_refers_to_are_refused() {
    let structure = read(L1T2).unwrap().structure().unwrap();
    // Flags 00010, then 01 0000 again and again.
    let with = |count: usize| {
        let mut data = vec![0xc1, 0, 9];
        let mut bits = vec![0xff; 64];
        let mut writer = BitWriter::new(&mut bits);
        writer.bits(0b00010, 5).unwrap();
        (0..count).for_each(|_| writer.bits(0b01_0000, 6).unwrap());
        writer.bits(0, 2).unwrap();
        let len = writer.len();
        data.extend(&bits[..len]);
        read(&data).unwrap().frame(Some(&structure)).map(|frame| frame.frame_differences().len())
    };
    assert_eq!((with(0), with(16), with(17), with(80)), (Some(0), Some(16), None, None));
}

#[test]
fn template_ids_count_from_the_offset() {
    let template = Template {
        layer: layer(0, 0),
        indications: &[Switch],
        frame_differences: &[],
        chain_differences: &[],
    };
    let structure = TemplateStructure::new(62, &[template; 3], &[], &[]).unwrap();
    for (id, known) in [(61, false), (62, true), (63, true), (0, true), (1, false)] {
        assert_eq!(structure.layer(id).is_some(), known, "{id}");
    }
}

#[test]
fn what_no_structure_can_be_is_not_made() {
    let good = Template {
        layer: layer(0, 0),
        indications: &[Switch],
        frame_differences: &[16],
        chain_differences: &[15],
    };
    let size = Resolution { width: 65_536, height: 1 };
    assert!(TemplateStructure::new(0, &[good], &[0], &[size]).is_some());
    let made = |template, protected_by: &[u8], sizes: &[Resolution]| {
        TemplateStructure::new(0, &[good, template], protected_by, sizes)
    };
    assert!(made(Template { layer: layer(1, 0), ..good }, &[0], &[size; 2]).is_some());
    let refused = [
        made(Template { layer: layer(1, 1), ..good }, &[0], &[]),
        made(Template { layer: layer(0, 2), ..good }, &[0], &[]),
        made(Template { indications: &[Switch; 2], ..good }, &[0], &[]),
        made(Template { frame_differences: &[0], ..good }, &[0], &[]),
        made(Template { frame_differences: &[17], ..good }, &[0], &[]),
        made(Template { chain_differences: &[16], ..good }, &[0], &[]),
        made(Template { chain_differences: &[], ..good }, &[0], &[]),
        made(good, &[], &[]),
        made(good, &[1], &[]),
        made(good, &[0], &[size; 2]),
        TemplateStructure::new(0, &[], &[], &[]),
        TemplateStructure::new(0, &[good; 65], &[0], &[]),
        TemplateStructure::new(0, &[Template { layer: layer(0, 1), ..good }], &[0], &[]),
        TemplateStructure::new(0, &[Template { indications: &[], ..good }], &[], &[]),
        TemplateStructure::new(
            0,
            &[Template { indications: &[Switch; 33], ..good }],
            &[0; 33],
            &[],
        ),
        TemplateStructure::new(0, &[Template { chain_differences: &[0; 2], ..good }], &[0], &[]),
    ];
    assert!(refused.iter().all(Option::is_none));
}

/// Also where the sizes have to be as many as the spatial layers, which are counted from the largest.
#[test]
fn layers_out_of_range_are_refused_and_not_counted() {
    let template = |layer| Template {
        layer,
        indications: &[Switch],
        frame_differences: &[],
        chain_differences: &[],
    };
    let size = Resolution { width: 1, height: 1 };
    for wrong in [layer(4, 0), layer(255, 0), layer(0, 8), layer(255, 255)] {
        for sizes in [&[][..], &[size; 1], &[size; 4]] {
            assert_eq!(TemplateStructure::new(0, &[template(wrong)], &[], sizes), None);
            let second = [template(layer(0, 0)), template(wrong)];
            assert_eq!(TemplateStructure::new(0, &second, &[], sizes), None);
        }
    }
}

#[test]
fn an_endless_list_of_templates_is_refused() {
    let structure = |data: &[u8]| read(data).unwrap().structure();
    assert_eq!(structure(&[&[0x80, 0, 1, 0x80][..], &[0; 255]].concat()), None);
    // Spatial layers without end.
    assert_eq!(structure(&[&[0x80, 0, 1, 0x80][..], &[0b1010_1010; 255]].concat()), None);
}

/// Every field of 64 templates, 32 targets and 32 chains: the largest structure there is (too large for a header
/// extension element, but not for the reader).
#[test]
fn the_largest_structure_comes_back() {
    let template = Template {
        layer: layer(0, 0),
        indications: &[Required; 32],
        frame_differences: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        chain_differences: &[15; 32],
    };
    let structure = TemplateStructure::new(63, &[template; 64], &[31; 32], &[]).unwrap();
    let frame = FrameDependencies::of_template(&structure, 62).unwrap();
    let descriptor = read(&[0xc0 | 62, 1, 2]).unwrap();
    let mut out = vec![0; 4096];
    let len = encode(&descriptor, &structure, true, &frame, &mut out).unwrap();
    let again = read(&out[..len]).unwrap();
    assert_eq!(again.structure().unwrap(), structure);
    let mut expected = frame;
    expected.active_decode_targets = Some(u32::MAX);
    assert_eq!(again.frame(None), Some(expected));
}

fn indication() -> impl Strategy<Value = DecodeTargetIndication> {
    (0u8..4).prop_map(DecodeTargetIndication::from_bits)
}

prop_compose! {
    fn structures()(
        targets in 1usize..=32,
        chains in 0usize..=32,
        steps in proptest::collection::vec(0u8..3, 0..12),
        id_offset in 0u8..64,
    )(
        id_offset in Just(id_offset),
        chains in Just(chains.min(targets)),
        steps in Just(steps.clone()),
        indications in proptest::collection::vec(
            proptest::collection::vec(indication(), targets), steps.len() + 1),
        differences in proptest::collection::vec(
            proptest::collection::vec(1u8..=16, 0..5), steps.len() + 1),
        chain_differences in proptest::collection::vec(
            proptest::collection::vec(0u8..16, chains.min(targets)), steps.len() + 1),
        protected_by in proptest::collection::vec(any::<u8>(), targets),
        sizes in proptest::option::of(proptest::array::uniform4((1u32..=65_536, 1u32..=65_536))),
    ) -> TemplateStructure {
        let mut layers = vec![Layer::default()];
        for step in steps {
            let last = *layers.last().unwrap();
            layers.push(last.next(step).unwrap_or(last));
        }
        let templates: Vec<_> = layers
            .iter()
            .enumerate()
            .map(|(index, layer)| Template {
                layer: *layer,
                indications: &indications[index],
                frame_differences: &differences[index],
                chain_differences: &chain_differences[index],
            })
            .collect();
        let spatial_layers = layers.iter().map(|layer| layer.spatial_id).max().unwrap() + 1;
        let sizes: Vec<_> = sizes
            .into_iter()
            .flatten()
            .take(spatial_layers.into())
            .map(|(width, height)| Resolution { width, height })
            .collect();
        let mut protected_by = protected_by;
        protected_by.iter_mut().for_each(|chain| *chain %= chains.max(1) as u8);
        if chains == 0 {
            protected_by.clear();
        }
        TemplateStructure::new(id_offset, &templates, &protected_by, &sizes).unwrap()
    }
}

proptest! {
    #[test]
    fn any_structure_and_frame_come_back(
        structure in structures(),
        template in any::<u8>(),
        differences in proptest::option::of(proptest::collection::vec(1u16..=4096, 0..=16)),
        chains in proptest::option::of(proptest::collection::vec(any::<u8>(), 32)),
        change in proptest::option::of((0u8..32, indication())),
        active: Option<u32>,
        attach: bool,
        frame_number: u16,
    ) {
        let index = template % structure.templates();
        let template_id = structure.id_offset().wrapping_add(index) & 0x3f;
        let mut frame = FrameDependencies::of_template(&structure, template_id).unwrap();
        if let Some(differences) = differences {
            prop_assert!(frame.set_frame_differences(&differences));
        }
        if let Some(chains) = chains {
            prop_assert!(frame.set_chain_differences(&chains[..structure.chains().into()]));
        }
        if let Some((target, indication)) = change {
            frame.set_indication(target, indication);
        }
        frame.active_decode_targets = active.map(|mask| mask & structure.all_decode_targets());
        let descriptor = DependencyDescriptor {
            start_of_frame: true, end_of_frame: false, template_id, frame_number, extended: &[],
        };
        let mut out = [0xff; 2048];
        let len = encode(&descriptor, &structure, attach, &frame, &mut out).unwrap();
        let again = read(&out[..len]).unwrap();
        prop_assert_eq!((again.template_id, again.frame_number), (template_id, frame_number));
        if attach {
            prop_assert_eq!(again.structure().unwrap(), structure.clone());
            frame.active_decode_targets =
                frame.active_decode_targets.or(Some(structure.all_decode_targets()));
        }
        prop_assert_eq!(again.frame(Some(&structure)), Some(frame));
    }

    #[test]
    fn any_octets_are_survived(data in proptest::collection::vec(any::<u8>(), 3..80)) {
        let structure = read(L1T2).unwrap().structure().unwrap();
        let descriptor = read(&data).unwrap();
        let attached = descriptor.structure();
        prop_assert!(attached.is_none() || descriptor.has_structure());
        let Some(frame) = descriptor.frame(Some(&structure)) else { return Ok(()) };
        // What was understood can be written, and reads the same.
        let structure = attached.as_ref().unwrap_or(&structure);
        let mut out = [0; 2048];
        let len = encode(&descriptor, structure, attached.is_some(), &frame, &mut out).unwrap();
        prop_assert_eq!(read(&out[..len]).unwrap().frame(Some(structure)), Some(frame));
    }
}

#[test]
fn every_truncation_and_every_bit_flip_is_survived() {
    for len in 3..L1T2.len() {
        let truncated = read(&L1T2[..len]).unwrap();
        assert_eq!(truncated.structure(), None, "{len}");
        assert_eq!(truncated.frame(None), None, "{len}");
    }
    for bit in 0..L1T2.len() * 8 {
        let mut bytes = L1T2.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let descriptor = read(&bytes).unwrap();
        let (structure, frame) = (descriptor.structure(), descriptor.frame(None));
        assert!(frame.is_none() || structure.is_some());
    }
}
