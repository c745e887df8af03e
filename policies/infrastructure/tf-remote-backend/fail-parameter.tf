# params: {"allowed": ["s3"]}
# Remote, but not where the platform keeps state.
terraform {
  backend "http" { # expect[local]: the backend is `http`, expected one of `s3`
    address = "https://git.example.com/api/v4/projects/7/terraform/state/shop"
  }
}

provider "aws" {
  region = "eu-central-1"
}
