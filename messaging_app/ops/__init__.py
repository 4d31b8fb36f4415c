"""Operations: health, metrics, logs, tracing, and the development server."""
