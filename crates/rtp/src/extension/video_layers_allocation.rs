//! Video layers allocation: which simulcast streams and layers are active, and what each may take
//! (<http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00>).

use crate::bytes::{Cursor, Reader, low8, low16};

/// What SDP calls it.
pub const URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00";

/// Most streams, most spatial layers of a stream, and most temporal layers of a spatial layer.
pub const MAX_LAYERS: usize = 4;

/// An allocation. Nothing active is an element of one zero octet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoLayersAllocation {
    /// Index of the stream that carries this element, 0 to 3.
    pub stream: u8,
    /// Number of streams, 0 (nothing is active) to 4.
    pub stream_count: u8,
    /// `spatial_layers[stream][layer]`: the active layers.
    pub spatial_layers: [[Option<SpatialLayer>; MAX_LAYERS]; MAX_LAYERS],
}

/// One active spatial layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpatialLayer {
    /// Number of temporal layers, 1 to 4.
    pub temporal_layers: u8,
    /// Target bit rate in kbit/s of each temporal layer with all those below it; zero beyond `temporal_layers`.
    pub target_kbps: [u32; MAX_LAYERS],
    /// Size and frame rate, when the sender says them. Either every layer has them or none.
    pub resolution: Option<Resolution>,
}

/// Size and frame rate of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Width in pixels, 1 to 65,536.
    pub width: u32,
    /// Height in pixels, 1 to 65,536.
    pub height: u32,
    /// Most frames in a second.
    pub max_frame_rate: u8,
}

impl VideoLayersAllocation {
    /// The active layers in the order of the wire: by stream, then by spatial layer.
    pub fn active(&self) -> impl Iterator<Item = &SpatialLayer> {
        self.spatial_layers.iter().flatten().flatten()
    }

    fn active_mut(&mut self) -> impl Iterator<Item = &mut SpatialLayer> {
        self.spatial_layers.iter_mut().flatten().flatten()
    }

    fn mask(&self, stream: usize) -> u8 {
        let layers = self.spatial_layers.get(stream).into_iter().flatten().enumerate();
        layers.fold(0, |mask, (index, layer)| mask | u8::from(layer.is_some()) << index)
    }
}

/// Reads an element.
#[must_use]
pub fn read(data: &[u8]) -> Option<VideoLayersAllocation> {
    if data == [0] {
        return Some(VideoLayersAllocation::default());
    }
    let mut reader = Reader::new(data);
    let first = reader.u8()?;
    let mut allocation = VideoLayersAllocation {
        stream: first >> 6,
        stream_count: (first >> 4 & 0b11) + 1,
        ..Default::default()
    };
    let stream_count = usize::from(allocation.stream_count);
    let mut masks = [first & 0x0f; MAX_LAYERS];
    if first & 0x0f == 0 {
        for pair in masks.chunks_mut(2).take(stream_count.div_ceil(2)) {
            let octet = reader.u8()?;
            pair.iter_mut().zip([octet >> 4, octet & 0x0f]).for_each(|(mask, bits)| *mask = bits);
        }
    }
    for (layers, mask) in allocation.spatial_layers.iter_mut().zip(masks).take(stream_count) {
        for (index, layer) in layers.iter_mut().enumerate() {
            *layer = (mask >> index & 1 != 0).then(SpatialLayer::default);
        }
    }
    read_temporal_layers(&mut reader, &mut allocation)?;
    for layer in allocation.active_mut() {
        for rate in layer.target_kbps.iter_mut().take(usize::from(layer.temporal_layers)) {
            *rate = u32::try_from(reader.leb128()?).ok()?;
        }
    }
    if !reader.is_empty() {
        for layer in allocation.active_mut() {
            let width = u32::from(reader.u16()?) + 1;
            let height = u32::from(reader.u16()?) + 1;
            layer.resolution = Some(Resolution { width, height, max_frame_rate: reader.u8()? });
        }
    }
    reader.is_empty().then_some(allocation)
}

/// Two bits per active layer, four layers in an octet, the first in the highest bits.
fn read_temporal_layers(
    reader: &mut Reader<'_>,
    allocation: &mut VideoLayersAllocation,
) -> Option<()> {
    let mut octet = 0;
    for (index, layer) in allocation.active_mut().enumerate() {
        if index % 4 == 0 {
            octet = reader.u8()?;
        }
        layer.temporal_layers = (octet >> 6) + 1;
        octet <<= 2;
    }
    Some(())
}

/// Writes an element into `out` and gives its length; `None` when `out` is too small (at most 410 octets are
/// needed, and an element carries 255), a count is out of range, or a layer is active in a stream beyond `stream_count`.
#[must_use]
pub fn encode(allocation: &VideoLayersAllocation, out: &mut [u8]) -> Option<usize> {
    let mut cursor = Cursor::new(out);
    let beyond = allocation.spatial_layers.iter().skip(usize::from(allocation.stream_count));
    if beyond.flatten().any(Option::is_some) {
        return None;
    }
    if allocation.stream_count == 0 {
        cursor.u8(0)?;
        return Some(cursor.len());
    }
    let stream_count = usize::from(allocation.stream_count);
    if stream_count > MAX_LAYERS || usize::from(allocation.stream) >= MAX_LAYERS {
        return None;
    }
    if allocation.active().any(|layer| !(1..=4).contains(&layer.temporal_layers)) {
        return None;
    }
    let first = allocation.stream << 6 | (allocation.stream_count - 1) << 4;
    let common = allocation.mask(0);
    if (1..stream_count).all(|stream| allocation.mask(stream) == common) && common != 0 {
        cursor.u8(first | common)?;
    } else {
        cursor.u8(first)?;
        for stream in (0..stream_count).step_by(2) {
            let second = if stream + 1 < stream_count { allocation.mask(stream + 1) } else { 0 };
            cursor.u8(allocation.mask(stream) << 4 | second)?;
        }
    }
    let mut octet = 0;
    let mut count = 0;
    for layer in allocation.active() {
        octet |= (layer.temporal_layers - 1) << (6 - 2 * (count % 4));
        count += 1;
        if count % 4 == 0 {
            cursor.u8(octet)?;
            octet = 0;
        }
    }
    if count % 4 != 0 {
        cursor.u8(octet)?;
    }
    for layer in allocation.active() {
        for rate in layer.target_kbps.iter().take(usize::from(layer.temporal_layers)) {
            cursor.leb128(u64::from(*rate))?;
        }
    }
    if allocation.active().all(|layer| layer.resolution.is_some()) {
        for resolution in allocation.active().filter_map(|layer| layer.resolution) {
            cursor.u16(low16(u64::from(resolution.width.clamp(1, 65_536) - 1)))?;
            cursor.u16(low16(u64::from(resolution.height.clamp(1, 65_536) - 1)))?;
            cursor.u8(low8(u64::from(resolution.max_frame_rate)))?;
        }
    }
    Some(cursor.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two streams of one spatial layer each, two and one temporal layers, 100, 300 and 50 kbit/s, 640x360 and
    /// 320x180 at 30: laid out by hand.
    const GOLDEN: &[u8] = &[
        0b01_01_0001,
        0b01_00_0000,
        100,
        0xac,
        0x02,
        50, // rates
        0x02,
        0x7f,
        0x01,
        0x67,
        30,
        0x01,
        0x3f,
        0x00,
        0xb3,
        30, // resolutions
    ];

    #[test]
    fn the_golden_element() {
        let allocation = read(GOLDEN).unwrap();
        assert_eq!((allocation.stream, allocation.stream_count), (1, 2));
        let layers: Vec<_> = allocation.active().copied().collect();
        let resolution = |width, height| Some(Resolution { width, height, max_frame_rate: 30 });
        assert_eq!(layers.len(), 2);
        assert_eq!(layers[0].temporal_layers, 2);
        assert_eq!(layers[0].target_kbps, [100, 300, 0, 0]);
        assert_eq!(layers[0].resolution, resolution(640, 360));
        assert_eq!(layers[1].target_kbps, [50, 0, 0, 0]);
        assert_eq!(layers[1].resolution, resolution(320, 180));
        let mut out = [0; 64];
        let len = encode(&allocation, &mut out).unwrap();
        assert_eq!(&out[..len], GOLDEN);
    }

    #[test]
    fn nothing_active_is_one_octet() {
        let mut out = [9];
        assert_eq!(encode(&VideoLayersAllocation::default(), &mut out), Some(1));
        assert_eq!(out, [0]);
        assert_eq!(read(&[0]), Some(VideoLayersAllocation::default()));
    }

    /// The masks have no place for it, and what they do not announce nobody could read.
    #[test]
    fn a_layer_beyond_the_last_stream_is_not_written() {
        let mut allocation = read(GOLDEN).unwrap();
        let mut out = [0; 64];
        for stream_count in [0, 1] {
            let fewer = VideoLayersAllocation { stream_count, ..allocation };
            assert_eq!(encode(&fewer, &mut out), None, "{stream_count}");
        }
        allocation.spatial_layers[3][0] = allocation.spatial_layers[0][0];
        for (stream_count, fits) in [(2, false), (3, false), (4, true)] {
            let allocation = VideoLayersAllocation { stream_count, ..allocation };
            let len = encode(&allocation, &mut out);
            assert_eq!(len.is_some(), fits, "{stream_count}");
            assert_eq!(len.and_then(|len| read(&out[..len])), fits.then_some(allocation));
        }
    }

    #[test]
    fn every_truncation_and_every_bit_flip_is_survived() {
        for len in (1..GOLDEN.len()).filter(|len| *len != 6) {
            assert_eq!(read(&GOLDEN[..len]), None, "{len}");
        }
        assert!(read(&GOLDEN[..6]).is_some(), "resolutions are optional");
        for bit in 0..GOLDEN.len() * 8 {
            let mut bytes = GOLDEN.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&bytes);
        }
    }

    fn layer() -> impl Strategy<Value = Option<SpatialLayer>> {
        proptest::option::of((1u8..=4, any::<[u32; 4]>()).prop_map(
            |(temporal_layers, mut rates)| {
                rates[usize::from(temporal_layers)..].fill(0);
                SpatialLayer { temporal_layers, target_kbps: rates, resolution: None }
            },
        ))
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            stream in 0u8..4,
            stream_count in 1u8..=4,
            layers in proptest::array::uniform4(proptest::array::uniform4(layer())),
            size in proptest::option::of((1u32..=65_536, 1u32..=65_536, any::<u8>())),
        ) {
            let mut allocation =
                VideoLayersAllocation { stream, stream_count, spatial_layers: layers };
            for unused in allocation.spatial_layers.iter_mut().skip(usize::from(stream_count)) {
                *unused = [None; 4];
            }
            for layer in allocation.active_mut() {
                layer.resolution = size
                    .map(|(width, height, max_frame_rate)| Resolution { width, height, max_frame_rate });
            }
            let mut out = [0; 512];
            let len = encode(&allocation, &mut out).unwrap();
            prop_assert!(len <= 410);
            prop_assert_eq!(read(&out[..len]), Some(allocation));
        }
    }
}
