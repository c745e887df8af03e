terraform {
  backend "s3" {
    bucket = "examples"
    key    = "complete"
  }
}
