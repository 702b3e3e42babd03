//! Coordination of video orientation (3GPP TS 26.114 §7.4.5).

/// What SDP calls it.
pub const URI: &str = "urn:3gpp:video-orientation";

/// How the receiver must turn the picture to see it upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoOrientation {
    /// Taken with the camera at the back (C bit).
    pub back_camera: bool,
    /// Mirrored horizontally before it was sent (F bit).
    pub flipped: bool,
    /// Clockwise rotation that the receiver applies.
    pub rotation: Rotation,
}

/// Quarter turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Upright.
    None,
    /// 90 degrees.
    Quarter,
    /// 180 degrees.
    Half,
    /// 270 degrees.
    ThreeQuarters,
}

/// Reads one octet; the upper four bits are ignored.
#[must_use]
pub const fn read(data: &[u8]) -> Option<VideoOrientation> {
    let [octet] = data else { return None };
    let rotation = match *octet & 0b11 {
        0 => Rotation::None,
        1 => Rotation::Quarter,
        2 => Rotation::Half,
        _ => Rotation::ThreeQuarters,
    };
    Some(VideoOrientation {
        back_camera: *octet & 0b1000 != 0,
        flipped: *octet & 0b100 != 0,
        rotation,
    })
}

/// The element's data.
#[must_use]
pub const fn encode(orientation: VideoOrientation) -> [u8; 1] {
    let rotation = match orientation.rotation {
        Rotation::None => 0,
        Rotation::Quarter => 1,
        Rotation::Half => 2,
        Rotation::ThreeQuarters => 3,
    };
    [(orientation.back_camera as u8) << 3 | (orientation.flipped as u8) << 2 | rotation]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        let expected =
            VideoOrientation { back_camera: true, flipped: false, rotation: Rotation::Quarter };
        assert_eq!(read(&[0b1001]), Some(expected));
        for octet in 0..16 {
            assert_eq!(encode(read(&[octet | 0xf0]).unwrap()), [octet]);
        }
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0, 0]), None);
    }
}
