resource "aws_launch_template" "optional" {
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "optional" # expect[tokens-optional high certain]: the node tells its credentials to whoever asks, without a token; expected `required`
    http_put_response_hop_limit = 2          # expect[hop-limit medium certain]: the answer travels 2 hops and so reaches pods, expected 1
  }
}

resource "aws_launch_template" "partly" {
  metadata_options { # expect[tokens-unset high likely]: the launch template does not say `http_tokens`
    http_put_response_hop_limit = 1
  }
}

resource "aws_launch_template" "unset" { # expect[tokens-unset]: the launch template does not say `http_tokens`
  instance_type = "m7g.large"
}

resource "aws_eks_node_group" "optional" {
  cluster_name = "shop"
  launch_template {
    id      = aws_launch_template.optional.id
    version = "$Latest"
  }
}

resource "aws_eks_node_group" "partly" {
  cluster_name = "shop"
  launch_template {
    name    = aws_launch_template.partly.name
    version = 1
  }
}

resource "aws_eks_node_group" "unset" {
  cluster_name = "shop"
  launch_template {
    id      = aws_launch_template.unset.id
    version = 1
  }
}

module "eks" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 20.0"

  eks_managed_node_group_defaults = {
    metadata_options = { http_tokens = "optional" } # expect[tokens-optional]: without a token
  }
  eks_managed_node_groups = {
    default = {
      metadata_options = {
        http_tokens                 = "required"
        http_put_response_hop_limit = 2 # expect[hop-limit]: 2 hops
      }
    }
  }
}
