terraform {
  backend "s3" {
    bucket = "other-terraform"
    key    = "terraform.tfstate"
  }
}
