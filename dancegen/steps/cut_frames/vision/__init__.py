"""Operations on frames of footage: crop, masks of the person, clean plate, matte, flow, steadiness of the camera."""
