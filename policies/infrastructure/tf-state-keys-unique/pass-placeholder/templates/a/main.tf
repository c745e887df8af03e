terraform {
  # A script puts the name in.
  backend "s3" {
    bucket               = "shop-terraform"
    key                  = "terraform.tfstate"
    workspace_key_prefix = "environments/$application_name"
  }
}
