"""What every stage uses: params, the command line, files written whole, tables."""
